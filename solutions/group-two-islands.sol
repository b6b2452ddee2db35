PUT:(x, u1):FALSE
PUT:(y, u2):TRUE
PUT:(y, u2):TRUE
PUT:(x, u1):TRUE
