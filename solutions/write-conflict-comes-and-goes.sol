CONFLICT:(b):FALSE
CONFLICT:(c):FALSE
CONFLICT:(d):FALSE
CONFLICT:(c):FALSE
b:applied:FALSE
r/7:d:FALSE
r/9:b:FALSE
r/9:base:TRUE
CONFLICT:(c):TRUE
WRITE:(base, applied):TRUE
WRITE:(late, applied):TRUE
WRITE:(b, applied):TRUE
WRITE:(c, conflict):TRUE
WRITE:(d, applied):TRUE
