PUT:(a, 0):TRUE
PUT:(b, 1):TRUE
PUT:(c, 2):TRUE
PUT:(d, 3):TRUE
a:0
