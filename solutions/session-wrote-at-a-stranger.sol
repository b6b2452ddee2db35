a:ERR_DEP
a:ERR_DEP
a:1
b:ERR_KEY
PUT:(a, 1):FALSE
PUT:(c, kept):FALSE
c:kept
PUT:(a, 1):TRUE
PUT:(c, kept):TRUE
