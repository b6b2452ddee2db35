a:by-way-of-0
b:by-way-of-0
c:ERR_KEY
d:ERR_KEY
PUT:(a, by-way-of-0):TRUE
PUT:(b, by-way-of-0):TRUE
PUT:(d, not-at-1):FALSE
c:not-at-2
d:not-at-1
