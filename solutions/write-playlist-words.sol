playlist/a:7:TRUE
playlist/b:true:TRUE
playlist/c:"x":TRUE
playlist/d:{"a":1}:TRUE
c:"x"
o1:ERR_KEY
WRITE:(w, applied):TRUE
WRITE:(y1, applied):TRUE
WRITE:(y2, applied):TRUE
WRITE:(y3, applied):TRUE
WRITE:(y4, applied):TRUE
