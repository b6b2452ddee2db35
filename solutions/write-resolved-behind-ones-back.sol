CONFLICT:(a):TRUE
CONFLICT:(b):TRUE
CONFLICT:(c):TRUE
CONFLICT:(b):TRUE
CONFLICT:(c):TRUE
CONFLICT:(d):TRUE
a:done:TRUE
b:conflict:TRUE
d:conflict:TRUE
CONFLICT:(d):TRUE
CONFLICT:(e):TRUE
b:done:TRUE
c:done:TRUE
n/k:2:TRUE
WRITE:(e, conflict):TRUE
WRITE:(resolve-c, applied):TRUE
