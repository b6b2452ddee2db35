0 0: a b c
0 0: a b c
2 1: d
0 0: a b c
2 1: d
3 1: e
