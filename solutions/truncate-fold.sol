PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
a:a1
PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
DELETE:(a):TRUE
PUT:(c, c1):TRUE
PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
PUT:(t, t1):FALSE
PUT:(b, x):FALSE
a:ERR_KEY
a:a1
b:x
PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
DELETE:(a):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(b, x):TRUE
PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
DELETE:(a):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(b, x):TRUE
a:ERR_KEY
b:x
DELETE:(a):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(b, x):TRUE
a:ERR_KEY
b:x
t:t1
PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
DELETE:(a):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(b, x):TRUE
PUT:(d, d1):TRUE
PUT:(d, d1):TRUE
