PUT:(a, a1):TRUE
PUT:(t, t1):FALSE
b:ERR_KEY
PUT:(t, t1):TRUE
a:a2
b:b1
t:t1
PUT:(a, a1):TRUE
PUT:(t, t1):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(c, c1):TRUE
a:a2
b:b1
c:c1
t:t1
