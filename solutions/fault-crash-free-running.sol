a:2
PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
PUT:(a, 3):TRUE
b:4
PUT:(a, 1):TRUE
PUT:(a, 2):TRUE
PUT:(a, 3):TRUE
PUT:(b, 4):FALSE
PUT:(b, 5):FALSE
