n/a:again:TRUE
n/d:1:TRUE
n/q:6:TRUE
n/q-2:7:TRUE
n/s:["a"]:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, merged 1):TRUE
WRITE:(c, conflict):TRUE
WRITE:(d, applied):TRUE
WRITE:(e, applied):TRUE
WRITE:(f, applied):TRUE
