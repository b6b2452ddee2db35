PUT:(a, here):TRUE
PUT:(a, there):FALSE
PUT:(b, there):FALSE
b:ERR_KEY
a:there
PUT:(a, here):TRUE
PUT:(a, there):TRUE
PUT:(b, there):TRUE
PUT:(a, here):TRUE
PUT:(a, there):TRUE
PUT:(b, there):TRUE
b:there
a:there
