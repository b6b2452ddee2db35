a:a2
b:ERR_KEY
PUT:(c, c1):TRUE
PUT:(c, c1):TRUE
a:a2
b:ERR_KEY
c:c1
PUT:(c, c1):TRUE
PUT:(b, b2):TRUE
PUT:(c, c1):TRUE
PUT:(b, b2):TRUE
b:b2
