n/x:unseen:FALSE
n/y:unseen:FALSE
n/x:seen:FALSE
n/y:seen:FALSE
PUT:(song, good):FALSE
WRITE:(a, applied):FALSE
PUT:(other, good):FALSE
WRITE:(b, applied):FALSE
n/x:seen:TRUE
n/y:seen:TRUE
