PUT:(c, u3):TRUE
PUT:(c, u3):TRUE
PUT:(d, u4):TRUE
a:u1
