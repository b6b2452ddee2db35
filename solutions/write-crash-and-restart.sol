b:merged 1:FALSE
CONFLICT:(c):FALSE
r/10:b:FALSE
r/9:a:FALSE
WRITE:(a, applied):FALSE
WRITE:(b, merged 1):FALSE
WRITE:(c, conflict):FALSE
WRITE:(z, applied):TRUE
WRITE:(a, merged 1):TRUE
WRITE:(b, merged 1):TRUE
WRITE:(c, conflict):TRUE
r/10:b:TRUE
r/9:z:TRUE
CONFLICT:(c):TRUE
WRITE:(z, applied):TRUE
WRITE:(a, merged 1):TRUE
WRITE:(b, merged 1):TRUE
WRITE:(c, conflict):TRUE
WRITE:(resolve-c, applied):TRUE
