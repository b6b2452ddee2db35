1: 0 waiting 1
2: 1 waiting 0
1: 0 waiting 1
2: 1 waiting 0
3: free
1: 0
2: 0
3: free
