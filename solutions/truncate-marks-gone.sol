a:ERR_KEY
a:a1
c:x
PUT:(t, t1):TRUE
PUT:(c, x):TRUE
PUT:(t, t1):TRUE
PUT:(c, x):TRUE
PUT:(t, t1):TRUE
PUT:(c, x):TRUE
a:ERR_KEY
b:b2
d:ERR_KEY
a:ERR_KEY
c:x
t:t1
PUT:(b, y):TRUE
DELETE:(e):TRUE
PUT:(b, y):TRUE
DELETE:(e):TRUE
c:ERR_KEY
e:ERR_KEY
b:y
c:ERR_KEY
b:y
