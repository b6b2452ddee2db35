a:from-2
a:from-4
b:ERR_KEY
PUT:(a, from-2):FALSE
PUT:(b, only-in-one-arc):FALSE
PUT:(a, from-4):TRUE
PUT:(a, from-4):TRUE
PUT:(a, from-2):TRUE
PUT:(b, only-in-one-arc):TRUE
a:from-2
c:ERR_KEY
c:the-long-way
PUT:(a, from-4):TRUE
PUT:(a, from-2):TRUE
PUT:(b, only-in-one-arc):TRUE
PUT:(c, the-long-way):TRUE
