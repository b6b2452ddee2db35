PUT:(a, committed):TRUE
PUT:(b, by-1):FALSE
PUT:(c, by-2):FALSE
PUT:(b, by-1-again):FALSE
PUT:(d, by-2-alone):FALSE
d:by-2-alone
e:ERR_KEY
PUT:(a, committed):TRUE
PUT:(b, by-1):FALSE
PUT:(c, by-2):FALSE
PUT:(b, by-1-again):FALSE
PUT:(d, by-2-alone):FALSE
PUT:(f, after-the-restart):FALSE
PUT:(a, committed):TRUE
PUT:(b, by-1):FALSE
PUT:(c, by-2):FALSE
PUT:(b, by-1-again):FALSE
PUT:(e, by-1-alone):FALSE
PUT:(d, by-2-alone):FALSE
PUT:(f, after-the-restart):FALSE
PUT:(a, committed):TRUE
PUT:(b, by-1):TRUE
PUT:(c, by-2):TRUE
PUT:(b, by-1-again):TRUE
PUT:(e, by-1-alone):TRUE
PUT:(d, by-2-alone):TRUE
PUT:(f, after-the-restart):TRUE
