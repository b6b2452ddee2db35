r/10:a:TRUE
r/11:b:TRUE
r/12:c:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, merged 1):TRUE
WRITE:(c, merged 2):TRUE
WRITE:(d, conflict):TRUE
CONFLICT:(d):TRUE
