a:opposite
b:far-arc
b:near-arc
b:far-arc
PUT:(a, opposite):TRUE
PUT:(b, near-arc):TRUE
PUT:(b, far-arc):TRUE
PUT:(c, commits):TRUE
PUT:(d, eighteen):FALSE
d:eighteen
PUT:(a, opposite):TRUE
PUT:(b, near-arc):TRUE
PUT:(b, far-arc):TRUE
PUT:(c, commits):TRUE
PUT:(d, one):TRUE
PUT:(d, eighteen):TRUE
