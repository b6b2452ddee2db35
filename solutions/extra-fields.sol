a:b
PUT:(a, b):TRUE
DELETE:(a):TRUE
