a:1
a:ERR_DEP
a:ERR_DEP
a:ERR_DEP
a:ERR_DEP
a:ERR_DEP
b:wfr-kept
b:ERR_DEP
b:wfr-kept
a:1
c:mw-kept
PUT:(a, 1):TRUE
PUT:(b, wfr-kept):TRUE
PUT:(c, mw-kept):TRUE
