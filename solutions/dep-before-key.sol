nothing:ERR_KEY
nothing:ERR_DEP
a:ERR_DEP
nothing:ERR_KEY
a:1
PUT:(a, 1):TRUE
PUT:(b, 2):TRUE
