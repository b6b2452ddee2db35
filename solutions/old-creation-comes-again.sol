PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
PUT:(a, 1):FALSE
PUT:(b, 1):FALSE
PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
PUT:(b, 1):TRUE
a:2
b:ERR_KEY
b:1
PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
PUT:(b, 1):TRUE
