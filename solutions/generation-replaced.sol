PUT:(x, zero):TRUE
PUT:(x, one):TRUE
PUT:(x, two):TRUE
PUT:(x, three):TRUE
PUT:(x, zero):TRUE
x:zero
x:ERR_DEP
x:three
PUT:(x, zero):TRUE
PUT:(x, by-12):FALSE
x:by-12
PUT:(x, zero):TRUE
PUT:(x, one):TRUE
PUT:(x, two):TRUE
PUT:(x, three):TRUE
PUT:(x, by-12):TRUE
PUT:(x, by-13):TRUE
