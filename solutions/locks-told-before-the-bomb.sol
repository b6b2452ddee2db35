5: 0
5: 0
5: 0 waiting 1
