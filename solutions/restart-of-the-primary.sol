PUT:(a, before):TRUE
PUT:(a, second):FALSE
PUT:(b, third):FALSE
a:second
PUT:(a, before):TRUE
PUT:(a, second):TRUE
PUT:(b, third):TRUE
PUT:(a, before):TRUE
PUT:(a, second):TRUE
PUT:(b, third):TRUE
PUT:(a, last):TRUE
PUT:(a, before):TRUE
PUT:(a, second):TRUE
PUT:(b, third):TRUE
PUT:(a, last):TRUE
PUT:(c, on):TRUE
