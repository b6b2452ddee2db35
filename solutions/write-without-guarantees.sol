n/:ERR_KEY
a:ERR_KEY
b:applied:FALSE
b:merged 1:TRUE
a:applied:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, merged 1):TRUE
