a:merged 1:FALSE
d:conflict:FALSE
r/10:a:FALSE
r/9:b:TRUE
b:done:TRUE
c:conflict:TRUE
CONFLICT:(d):FALSE
CONFLICT:(c):TRUE
WRITE:(a, merged 1):FALSE
WRITE:(d, conflict):FALSE
a:merged 1:TRUE
WRITE:(a, merged 1):TRUE
WRITE:(d, conflict):TRUE
