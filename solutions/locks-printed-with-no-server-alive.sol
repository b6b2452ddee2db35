4: 0 waiting 1
4: 0 waiting 1
4: 0 waiting 1
4: 0 waiting 1
5: 1
