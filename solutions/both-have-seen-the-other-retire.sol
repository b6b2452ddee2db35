PUT:(a, shared):TRUE
PUT:(a3, last-of-3):TRUE
PUT:(a, shared):TRUE
PUT:(a4, last-of-4):FALSE
PUT:(a, shared):TRUE
PUT:(a3, last-of-3):TRUE
PUT:(b7, hello):TRUE
PUT:(a, shared):TRUE
PUT:(a4, last-of-4):FALSE
PUT:(b6, hello):FALSE
PUT:(a, shared):TRUE
PUT:(a3, last-of-3):TRUE
PUT:(b7, hello):TRUE
PUT:(a4, last-of-4):TRUE
PUT:(b6, hello):TRUE
a3:last-of-3
a4:last-of-4
b6:hello
