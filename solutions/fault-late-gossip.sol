a:1
b:1
b:ERR_KEY
b:1
a:1
