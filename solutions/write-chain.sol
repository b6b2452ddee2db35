c/1:yes:FALSE
c/2:yes:FALSE
c/3:yes:FALSE
c/4:yes:FALSE
c/0:there:FALSE
c/1:no:FALSE
c/2:no:FALSE
c/3:no:FALSE
c/4:yes:FALSE
x3:merged 1:FALSE
x4:applied:FALSE
WRITE:(late, applied):TRUE
WRITE:(x1, merged 1):TRUE
WRITE:(x2, merged 1):TRUE
WRITE:(x3, merged 1):TRUE
WRITE:(x4, applied):TRUE
