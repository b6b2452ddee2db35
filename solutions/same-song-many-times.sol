s:5
s:ERR_KEY
s:6
s:6
s:6
s:6
PUT:(s, 1):TRUE
PUT:(s, 2):TRUE
PUT:(s, 5):TRUE
PUT:(s, 4):TRUE
PUT:(s, 3):TRUE
DELETE:(s):TRUE
PUT:(s, 6):TRUE
PUT:(s, 1):TRUE
PUT:(s, 2):TRUE
PUT:(s, 5):TRUE
PUT:(s, 4):TRUE
PUT:(s, 3):TRUE
DELETE:(s):TRUE
PUT:(s, 6):TRUE
