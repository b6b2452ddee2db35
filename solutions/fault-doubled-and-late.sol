a:two
PUT:(a, one):TRUE
PUT:(a, two):TRUE
PUT:(a, left):TRUE
PUT:(a, right):TRUE
DELETE:(b):TRUE
c:after
PUT:(a, one):TRUE
PUT:(a, two):TRUE
PUT:(a, left):TRUE
PUT:(a, right):TRUE
DELETE:(b):TRUE
PUT:(c, after):TRUE
PUT:(a, one):TRUE
PUT:(a, two):TRUE
PUT:(a, left):TRUE
PUT:(a, right):TRUE
DELETE:(b):TRUE
PUT:(c, after):TRUE
PUT:(c, healed):TRUE
