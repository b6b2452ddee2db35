PUT:(a, first):TRUE
PUT:(b, third):TRUE
PUT:(a, second):FALSE
PUT:(a, first):TRUE
PUT:(b, third):TRUE
PUT:(a, second):TRUE
PUT:(a, first):TRUE
PUT:(b, third):TRUE
PUT:(a, second):TRUE
a:second
