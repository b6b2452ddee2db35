a:ERR_DEP
a:ERR_KEY
a:mine
c:ERR_DEP
c:kept
b:ERR_KEY
PUT:(a, mine):TRUE
PUT:(c, kept):TRUE
