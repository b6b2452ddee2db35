a:b
PUT:(a, b):TRUE
PUT:(a, c):TRUE
