a:one
a:two
a:two
a:ERR_DEP
b:ERR_DEP
c:ERR_KEY
a:two
a:two
b:three
c:ERR_KEY
PUT:(a, one):TRUE
PUT:(a, two):TRUE
PUT:(b, three):TRUE
