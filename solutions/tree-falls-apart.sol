a:leaf
b:left
b:right
PUT:(a, leaf):TRUE
PUT:(b, left):FALSE
PUT:(a, leaf):TRUE
PUT:(b, right):TRUE
c:ERR_KEY
b:left
b:left
PUT:(a, leaf):TRUE
PUT:(b, left):FALSE
PUT:(c, alone):FALSE
b:left
c:alone
PUT:(a, leaf):TRUE
PUT:(b, right):TRUE
PUT:(b, left):TRUE
PUT:(c, alone):TRUE
