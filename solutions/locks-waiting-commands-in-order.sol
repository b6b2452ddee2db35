1: 2 waiting 1,0
2: 1 waiting 0
1: 1 waiting 0
2: 1 waiting 0
