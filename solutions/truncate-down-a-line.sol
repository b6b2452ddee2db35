PUT:(a, a1):TRUE
PUT:(b, b1):TRUE
DELETE:(a):TRUE
PUT:(t, t3):FALSE
PUT:(t, t2):FALSE
PUT:(b, y):FALSE
PUT:(a, x):FALSE
PUT:(t, t3):TRUE
PUT:(t, t2):TRUE
PUT:(b, y):TRUE
PUT:(a, x):TRUE
PUT:(t, t3):TRUE
PUT:(t, t2):TRUE
PUT:(b, y):TRUE
PUT:(a, x):TRUE
PUT:(t, t3):TRUE
PUT:(t, t2):TRUE
PUT:(b, y):TRUE
PUT:(a, x):TRUE
PUT:(t, t3):TRUE
PUT:(t, t2):TRUE
PUT:(b, y):TRUE
PUT:(a, x):TRUE
a:x
b:y
c:c1
t:t2
