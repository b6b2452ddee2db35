PUT:(a, u1):FALSE
PUT:(a, u1):TRUE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
