1: 0
1: 0 waiting 1
