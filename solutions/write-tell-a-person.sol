CONFLICT:(b):TRUE
CONFLICT:(b):TRUE
b:conflict:TRUE
b:conflict:TRUE
resolve-b:applied:TRUE
resolve-a:ERR_KEY
r/9:a:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, conflict):TRUE
WRITE:(resolve-b, applied):TRUE
