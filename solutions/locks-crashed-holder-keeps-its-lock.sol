1: 0 waiting 1
1: 0 waiting 1,2
1: 1 waiting 2
