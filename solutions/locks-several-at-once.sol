1: 1 waiting 0
2: 2 waiting 0
3: 0 waiting 2
1: 1 waiting 0
2: 0
3: 2
1: 0 waiting 1
2: 0
3: 2
