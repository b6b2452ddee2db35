PUT:(a, a1):TRUE
PUT:(t, t1):FALSE
PUT:(t, t1):TRUE
PUT:(t, t1):TRUE
PUT:(t, t1):TRUE
PUT:(d, d1):TRUE
PUT:(f, f1):TRUE
PUT:(t, t1):TRUE
PUT:(d, d1):TRUE
PUT:(e, e1):FALSE
PUT:(t, t1):TRUE
PUT:(d, d1):TRUE
PUT:(f, f1):TRUE
PUT:(e, e1):TRUE
PUT:(g, g1):TRUE
a:a1
b:b1
f:f1
