a:two
b:ERR_KEY
c:two
d:ERR_KEY
e:ERR_KEY
PUT:(a, 1):TRUE
PUT:(b, 1):TRUE
PUT:(c, 1):TRUE
PUT:(d, 1):TRUE
DELETE:(a):FALSE
PUT:(a, two):FALSE
PUT:(b, one):FALSE
DELETE:(b):FALSE
DELETE:(c):FALSE
PUT:(c, two):FALSE
PUT:(e, one):FALSE
DELETE:(d):FALSE
DELETE:(e):FALSE
a:two
d:ERR_KEY
e:ERR_KEY
a:ERR_KEY
b:one
c:ERR_KEY
d:ERR_KEY
e:one
PUT:(a, 1):TRUE
PUT:(b, 1):TRUE
PUT:(c, 1):TRUE
PUT:(d, 1):TRUE
PUT:(d, zero):TRUE
DELETE:(a):TRUE
PUT:(e, zero):TRUE
PUT:(a, two):TRUE
DELETE:(b):TRUE
PUT:(c, two):TRUE
DELETE:(d):TRUE
DELETE:(e):TRUE
DELETE:(a):TRUE
PUT:(b, one):TRUE
DELETE:(c):TRUE
PUT:(e, one):TRUE
