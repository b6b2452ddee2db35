0 1: hi
0 1: hi
0 1: hi
