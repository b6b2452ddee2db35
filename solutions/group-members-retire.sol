PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
PUT:(c, u3):TRUE
