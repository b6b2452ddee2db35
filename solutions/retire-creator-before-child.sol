PUT:(a, from-the-child):FALSE
PUT:(b, more):FALSE
a:ERR_KEY
a:from-the-child
b:more
PUT:(a, from-the-child):TRUE
PUT:(b, more):TRUE
