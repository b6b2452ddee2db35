WRITE:(a, applied):TRUE
WRITE:(b, conflict):TRUE
WRITE:(c, merged 1):TRUE
c:merged 1:TRUE
WRITE:(c, merged 1):TRUE
a:done:TRUE
b:conflict:TRUE
c:merged 1:TRUE
a:done:TRUE
c:merged 1:TRUE
CONFLICT:(b):TRUE
b:done:TRUE
c:done:TRUE
resolve-b:done:TRUE
n/k:2:TRUE
