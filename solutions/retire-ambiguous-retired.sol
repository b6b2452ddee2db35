PUT:(a, one):TRUE
PUT:(b, two):TRUE
PUT:(c, three):TRUE
PUT:(a, one):FALSE
PUT:(b, two):FALSE
PUT:(a, one):TRUE
PUT:(b, two):TRUE
PUT:(c, three):TRUE
PUT:(a, one):FALSE
PUT:(b, two):FALSE
PUT:(a, one):TRUE
PUT:(b, two):TRUE
PUT:(c, three):TRUE
PUT:(a, one):TRUE
PUT:(b, two):TRUE
PUT:(c, three):TRUE
c:three
c:three
