PUT:(a, u1):TRUE
PUT:(b, u2):FALSE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
