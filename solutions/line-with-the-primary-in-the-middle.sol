x:left-2
x:middle-1
x:right-2
x:right-2
x:left-2
PUT:(x, middle-1):TRUE
PUT:(x, right-1):TRUE
PUT:(x, right-2):TRUE
PUT:(x, middle-2):TRUE
PUT:(x, left-1):TRUE
PUT:(x, left-2):TRUE
x:orphan
x:heir
PUT:(x, middle-1):TRUE
PUT:(x, right-1):TRUE
PUT:(x, right-2):TRUE
PUT:(x, middle-2):TRUE
PUT:(x, left-1):TRUE
PUT:(x, left-2):TRUE
PUT:(x, orphan):FALSE
x:orphan
