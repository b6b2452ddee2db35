1: 0 waiting 1
1: 1 waiting 2
2: 1
