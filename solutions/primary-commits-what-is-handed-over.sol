PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):FALSE
x:one-again
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):TRUE
PUT:(x, one-again):TRUE
x:three-again
x:three-again
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):TRUE
PUT:(x, one-again):TRUE
PUT:(x, three):TRUE
PUT:(x, three-again):TRUE
