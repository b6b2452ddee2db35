CONFLICT:(b):FALSE
b:conflict:FALSE
resolve-b:applied:FALSE
b:conflict:FALSE
WRITE:(a, applied):TRUE
WRITE:(b, conflict):TRUE
WRITE:(resolve-b, applied):TRUE
