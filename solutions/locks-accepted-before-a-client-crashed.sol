1: 0 waiting 1
1: 1
