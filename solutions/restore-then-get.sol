a:ERR_KEY
a:1
a:1
