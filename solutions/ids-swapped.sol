a:two
a:two
x:by-1
x:by-2
x:by-1
PUT:(a, one):TRUE
PUT:(a, two):TRUE
PUT:(pad, by-2):TRUE
PUT:(x, by-2):TRUE
PUT:(x, by-1):TRUE
