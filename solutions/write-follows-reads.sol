x:y
conflicts:ERR_DEP
CONFLICT:(b):TRUE
resolve-b:ERR_KEY
WRITE:(a, applied):TRUE
WRITE:(b, conflict):TRUE
PUT:(x, y):TRUE
WRITE:(resolve-b, applied):TRUE
WRITE:(c, applied):TRUE
