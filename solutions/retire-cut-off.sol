PUT:(a, only-here):FALSE
PUT:(a, only-here):TRUE
