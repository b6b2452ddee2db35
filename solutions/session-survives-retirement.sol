a:1
a:1
a:ERR_DEP
a:1
b:2
c:ERR_KEY
PUT:(a, 1):TRUE
PUT:(b, 2):TRUE
