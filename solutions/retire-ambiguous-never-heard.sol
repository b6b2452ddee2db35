a:ERR_KEY
a:one
c:three
PUT:(a, one):TRUE
PUT:(b, two):TRUE
PUT:(c, three):FALSE
