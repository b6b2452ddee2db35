0 1: hi
0 1: hi
1 0: there
0 1: hi
1 0: there
