2: 0 waiting 1
2: 0 waiting 1,2
2: 1 waiting 2
