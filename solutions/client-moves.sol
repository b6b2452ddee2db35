a:ERR_DEP
a:ERR_DEP
a:at-0
a:at-0
PUT:(a, at-0):TRUE
