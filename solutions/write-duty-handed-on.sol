a:applied:FALSE
a:conflict:TRUE
r/9:b:TRUE
CONFLICT:(a):TRUE
WRITE:(b, applied):TRUE
WRITE:(a, conflict):TRUE
