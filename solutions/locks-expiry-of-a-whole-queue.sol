6: 0 waiting 2,3
6: 2 waiting 3
6: 3
