a:a1
PUT:(t, t1):TRUE
PUT:(t, t1):TRUE
a:ERR_KEY
b:b1
PUT:(t, t1):TRUE
b:b1
t:t1
PUT:(t, t1):TRUE
PUT:(c, c1):TRUE
