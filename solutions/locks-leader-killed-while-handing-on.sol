1: 1 waiting 2,3,4
1: 2 waiting 3,4
1: 3 waiting 4
1: 4
1: free
