seats/b1:x:FALSE
seats/b2:x:FALSE
b3:merged 1:FALSE
seats/b1:x:FALSE
seats/e:x:FALSE
CONFLICT:(b2):FALSE
WRITE:(e, applied):TRUE
WRITE:(b1, applied):TRUE
WRITE:(b2, conflict):TRUE
WRITE:(b3, merged 1):TRUE
waiting/b3:x:TRUE
