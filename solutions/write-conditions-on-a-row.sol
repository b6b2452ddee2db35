CONFLICT:(n1):TRUE
CONFLICT:(n2):TRUE
CONFLICT:(n3):TRUE
CONFLICT:(n4):TRUE
CONFLICT:(n5):TRUE
CONFLICT:(n6):TRUE
CONFLICT:(n7):TRUE
CONFLICT:(n8):TRUE
CONFLICT:(n9):TRUE
CONFLICT:(n10):TRUE
WRITE:(base, applied):TRUE
WRITE:(y1, applied):TRUE
WRITE:(n1, conflict):TRUE
WRITE:(n2, conflict):TRUE
WRITE:(n3, conflict):TRUE
WRITE:(y2, applied):TRUE
WRITE:(n4, conflict):TRUE
WRITE:(n5, conflict):TRUE
WRITE:(y3, applied):TRUE
WRITE:(n6, conflict):TRUE
WRITE:(y4, applied):TRUE
WRITE:(n7, conflict):TRUE
WRITE:(y5, applied):TRUE
WRITE:(n8, conflict):TRUE
WRITE:(n9, conflict):TRUE
WRITE:(y6, applied):TRUE
WRITE:(n10, conflict):TRUE
