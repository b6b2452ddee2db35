a:before
b:ERR_KEY
PUT:(a, before):TRUE
PUT:(a, before):TRUE
PUT:(b, after):FALSE
b:after
PUT:(a, before):TRUE
PUT:(b, after):TRUE
