PUT:(c, meanwhile):TRUE
PUT:(a, carried):TRUE
PUT:(a, carried):FALSE
PUT:(b, stays):FALSE
c:ERR_KEY
PUT:(c, meanwhile):TRUE
PUT:(a, carried):TRUE
PUT:(b, stays):TRUE
