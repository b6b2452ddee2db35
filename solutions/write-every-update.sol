n/a:3:TRUE
n/a-2:x:TRUE
n/a-3:y:TRUE
n/c:5:TRUE
n/empty:[]:TRUE
n/s:["blue"]:TRUE
n/z:w:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, applied):TRUE
WRITE:(c, applied):TRUE
WRITE:(d, applied):TRUE
WRITE:(e, applied):TRUE
WRITE:(f, applied):TRUE
WRITE:(g, applied):TRUE
