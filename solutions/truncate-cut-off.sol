PUT:(a, a1):TRUE
PUT:(t, t1):FALSE
PUT:(a, x):FALSE
a:x
b:ERR_KEY
a:a2
PUT:(t, t1):TRUE
PUT:(a, x):TRUE
PUT:(t, t1):TRUE
PUT:(a, x):TRUE
PUT:(t, t1):TRUE
PUT:(a, x):TRUE
a:x
b:b1
t:t1
a:x
