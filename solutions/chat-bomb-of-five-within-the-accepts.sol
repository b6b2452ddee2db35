0 0: first
0 0: first
1 1: second
0 0: first
1 1: second
2 0: third
