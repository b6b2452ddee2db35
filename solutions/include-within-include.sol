x:one
x:two
x:one
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):TRUE
