y:merged 1:FALSE
r/10:y:FALSE
r/9:x:FALSE
CONFLICT:(x):TRUE
r/10:y:TRUE
r/9:z:TRUE
WRITE:(z, applied):TRUE
WRITE:(x, conflict):TRUE
WRITE:(y, merged 1):TRUE
