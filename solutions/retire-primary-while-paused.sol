PUT:(a, at-the-heir):FALSE
PUT:(a, at-the-heir):TRUE
PUT:(b, elsewhere):FALSE
PUT:(a, at-the-heir):TRUE
PUT:(b, elsewhere):TRUE
PUT:(a, at-the-heir):TRUE
PUT:(b, elsewhere):TRUE
