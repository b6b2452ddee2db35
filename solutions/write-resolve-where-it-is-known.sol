b:ERR_KEY
resolve-b:ERR_KEY
CONFLICT:(b):TRUE
resolve-b:applied:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, conflict):TRUE
WRITE:(resolve-b, applied):TRUE
