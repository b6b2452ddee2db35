a:ERR_KEY
a:ERR_KEY
b:b2
b:b2
c:c2
c:c2
PUT:(d, d1):TRUE
PUT:(d, d1):TRUE
PUT:(d, d1):TRUE
