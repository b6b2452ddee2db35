rooms/A/10:ann:FALSE
rooms/A/10:bob:FALSE
bob:merged 1:TRUE
ann:applied:TRUE
rooms/A/10:ann:TRUE
rooms/A/11:bob:TRUE
WRITE:(ann, applied):TRUE
WRITE:(bob, merged 1):TRUE
