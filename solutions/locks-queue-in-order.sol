7: 3 waiting 1,4,0
7: 1 waiting 4,0
7: 4 waiting 0,3
7: 3
7: free
7: 2
