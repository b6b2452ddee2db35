a:old
PUT:(a, old):TRUE
PUT:(b, new):FALSE
PUT:(a, old):TRUE
PUT:(b, new):TRUE
PUT:(a, old):TRUE
PUT:(b, new):TRUE
