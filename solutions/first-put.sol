a:b
PUT:(a, b):TRUE
