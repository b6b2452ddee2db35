PUT:(old, u1):FALSE
PUT:(new, u2):TRUE
DELETE:(new):TRUE
PUT:(new, u2):TRUE
DELETE:(new):TRUE
PUT:(old, u1):TRUE
old:u1
new:ERR_KEY
