x:7
x:6
x:5
x:4
PUT:(x, 0):TRUE
PUT:(x, 7):TRUE
PUT:(x, 1):TRUE
PUT:(x, 6):TRUE
PUT:(x, 2):FALSE
PUT:(x, 3):FALSE
PUT:(x, 4):FALSE
PUT:(x, 5):FALSE
x:5
PUT:(x, 0):TRUE
PUT:(x, 7):TRUE
PUT:(x, 1):TRUE
PUT:(x, 6):TRUE
PUT:(x, 2):TRUE
PUT:(x, 3):TRUE
PUT:(x, 4):TRUE
PUT:(x, 5):TRUE
