a:everywhere
a:ERR_DEP
a:everywhere
b:ERR_KEY
PUT:(a, everywhere):TRUE
PUT:(c, kept):TRUE
PUT:(b, again):TRUE
PUT:(a, everywhere):TRUE
PUT:(c, kept):TRUE
PUT:(b, again):TRUE
PUT:(a, everywhere):TRUE
PUT:(c, kept):TRUE
PUT:(b, again):TRUE
