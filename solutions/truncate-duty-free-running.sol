PUT:(t, t1):TRUE
PUT:(t, t1):TRUE
PUT:(t, t1):TRUE
PUT:(d, d1):TRUE
a:a1
b:b1
t:t1
