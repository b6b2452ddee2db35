0 0: good morning
1 1: good morning
2 0: how are you?
0 0: good morning
1 1: good morning
2 0: how are you?
