x:two
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
x:three
PUT:(x, zero):TRUE
PUT:(x, two):FALSE
PUT:(x, one):FALSE
PUT:(x, three):FALSE
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):FALSE
PUT:(x, two-again):FALSE
PUT:(x, three):FALSE
x:three
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):TRUE
PUT:(x, three):TRUE
x:two-again
PUT:(x, zero):TRUE
PUT:(x, two):TRUE
PUT:(x, one):TRUE
PUT:(x, three):TRUE
PUT:(x, two-again):TRUE
