n/x:a:FALSE
n/y:late:FALSE
c:merged 1:FALSE
n/y:c:TRUE
n/x:late:FALSE
n/y:c:TRUE
a:merged 1:FALSE
c:applied:TRUE
WRITE:(c, applied):TRUE
WRITE:(a, merged 1):FALSE
n/x:late:TRUE
n/y:c:TRUE
