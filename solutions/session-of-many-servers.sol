c:ERR_DEP
c:2
a:0
