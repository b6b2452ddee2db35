a:by-way-of-1
b:ERR_KEY
c:ERR_KEY
PUT:(a, by-way-of-1):TRUE
PUT:(b, not-at-0):FALSE
b:not-at-0
PUT:(a, by-way-of-1):TRUE
PUT:(c, not-at-2):TRUE
PUT:(b, not-at-0):TRUE
