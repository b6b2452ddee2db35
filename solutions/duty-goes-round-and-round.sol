PUT:(a, by-0):FALSE
PUT:(b, by-1):TRUE
PUT:(c, by-2):FALSE
PUT:(b, by-1):TRUE
PUT:(c, by-2):TRUE
PUT:(a, by-0):TRUE
