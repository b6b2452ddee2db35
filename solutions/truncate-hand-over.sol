PUT:(b, b1):FALSE
PUT:(b, b1):FALSE
a:a2
b:b1
PUT:(b, b1):FALSE
PUT:(a, a1):TRUE
PUT:(a, a2):TRUE
PUT:(b, b1):TRUE
PUT:(b, b1):TRUE
b:b1
