a:at-the-creator
b:ERR_KEY
PUT:(a, at-the-creator):TRUE
b:elsewhere
PUT:(a, at-the-creator):TRUE
PUT:(b, elsewhere):TRUE
