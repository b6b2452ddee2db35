n/:ERR_DEP
n/:ERR_DEP
a:ERR_DEP
nobody:ERR_DEP
conflicts:ERR_DEP
conflicts:ERR_DEP
b:ERR_KEY
n/a:1:TRUE
n/b:3:TRUE
b:applied:TRUE
WRITE:(a, applied):TRUE
WRITE:(b, applied):TRUE
