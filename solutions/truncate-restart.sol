PUT:(c, c1):TRUE
a:ERR_KEY
b:b1
PUT:(c, c1):TRUE
a:ERR_KEY
b:b1
c:c1
c:c2
PUT:(c, c1):TRUE
PUT:(c, c2):FALSE
c:c2
c:c2
PUT:(c, c1):TRUE
PUT:(c, c3):TRUE
PUT:(c, c2):TRUE
c:c2
b:b1
PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
DELETE:(a):TRUE
PUT:(c, c1):TRUE
PUT:(c, c3):TRUE
PUT:(c, c2):TRUE
