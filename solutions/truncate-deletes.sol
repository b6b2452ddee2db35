a:a1
b:ERR_KEY
c:x
PUT:(c, x):TRUE
DELETE:(b):TRUE
PUT:(c, x):TRUE
DELETE:(b):TRUE
a:ERR_KEY
b:ERR_KEY
c:x
d:ERR_KEY
nothing:ERR_KEY
b:ERR_KEY
a:a2
