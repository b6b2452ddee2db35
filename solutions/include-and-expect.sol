a:one
a:ERR_KEY
PUT:(a, one):TRUE
PUT:(b, two):TRUE
