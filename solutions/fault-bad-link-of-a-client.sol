a:2
PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
a:3
a:3
PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
PUT:(a, 3):TRUE
DELETE:(b):TRUE
