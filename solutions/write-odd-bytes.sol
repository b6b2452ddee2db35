playlist/â‚¬:u:FALSE
playlist/é:ÿþ:FALSE
playlist/é-2:two:FALSE
n/:ERR_KEY
n/é:ERR_KEY
CONFLICT:(c):FALSE
é:ÿþ
café:applied:FALSE
WRITE:(café, applied):TRUE
WRITE:(b, applied):TRUE
WRITE:(c, conflict):TRUE
playlist/é:ÿþ:TRUE
playlist/é-2:two:TRUE
