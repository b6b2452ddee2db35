PUT:(a, mine):FALSE
PUT:(b, mine):FALSE
a:mine
PUT:(a, theirs):TRUE
PUT:(a, mine):TRUE
PUT:(b, mine):TRUE
a:mine
b:mine
