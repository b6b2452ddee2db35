1: 1 waiting 0,2
4: 0
5: 0 waiting 1
30: 0 waiting 2,1
1: 1 waiting 2
4: free
5: 1
30: 2 waiting 1
1: 2
4: free
5: 1
30: 1
