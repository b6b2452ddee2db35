3 0: a
5 1: b
6 0: waits
7 1: last
