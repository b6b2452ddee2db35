rooms/A:bob:FALSE
rooms/B:eve:FALSE
rooms/A:ann:TRUE
rooms/A:ann:TRUE
rooms/B:bob:TRUE
waiting/list:["eve"]:TRUE
eve:applied:TRUE
WRITE:(ann, applied):TRUE
WRITE:(bob, applied):TRUE
WRITE:(eve, applied):TRUE
