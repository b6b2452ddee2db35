PUT:(b, b1):TRUE
PUT:(c, c1):TRUE
PUT:(b, b1):TRUE
PUT:(c, c1):TRUE
PUT:(b, b1):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):FALSE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
a:a1
t:t1
PUT:(d, d1):TRUE
PUT:(c, c1):TRUE
PUT:(t, t1):TRUE
PUT:(d, d1):TRUE
