a:applied:FALSE
CONFLICT:(b):FALSE
n/k:1:FALSE
n/k:6:FALSE
WRITE:(a, applied):TRUE
WRITE:(b, conflict):TRUE
WRITE:(c, applied):TRUE
WRITE:(resolve-b, applied):TRUE
n/k:6:TRUE
