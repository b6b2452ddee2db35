x:zero
x:one
x:two
x:two
x:two
PUT:(x, one):FALSE
PUT:(x, two):FALSE
x:two
x:two
x:two
PUT:(x, zero):TRUE
PUT:(x, one):TRUE
PUT:(x, two):TRUE
