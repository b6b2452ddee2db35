a:ERR_DEP
PUT:(a, zero):TRUE
PUT:(b, three):TRUE
a:ERR_DEP
PUT:(a, zero):TRUE
PUT:(b, three):TRUE
PUT:(c, one):TRUE
a:ERR_DEP
a:zero
PUT:(a, zero):TRUE
PUT:(b, three):TRUE
PUT:(c, one):TRUE
PUT:(d, two):TRUE
PUT:(a, zero):TRUE
PUT:(b, three):TRUE
PUT:(c, one):TRUE
PUT:(d, two):TRUE
PUT:(e, last):TRUE
