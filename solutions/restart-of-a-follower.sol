b:ERR_KEY
b:only-at-2
c:ERR_KEY
PUT:(a, everywhere):TRUE
PUT:(b, only-at-2):FALSE
b:only-at-2
c:not-at-2
PUT:(a, everywhere):TRUE
PUT:(c, not-at-2):TRUE
PUT:(b, only-at-2):TRUE
PUT:(a, everywhere):TRUE
PUT:(c, not-at-2):TRUE
PUT:(b, only-at-2):TRUE
PUT:(d, later):TRUE
