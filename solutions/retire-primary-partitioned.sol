PUT:(a, 1):TRUE
PUT:(x, alone):FALSE
PUT:(a, 1):TRUE
PUT:(x, alone):TRUE
PUT:(a, 1):TRUE
PUT:(x, alone):TRUE
