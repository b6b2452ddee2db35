a:ERR_KEY
a:one
PUT:(a, one):TRUE
PUT:(a, one):TRUE
