1: 1 waiting 2
1: 1 waiting 2,0
1: 2 waiting 0
