PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
PUT:(t, t1):FALSE
a:a2
b:ERR_KEY
c:c1
PUT:(t, t1):TRUE
a:a2
b:ERR_KEY
c:c1
PUT:(t, t1):TRUE
PUT:(t, t1):TRUE
a:a2
b:ERR_KEY
t:t1
