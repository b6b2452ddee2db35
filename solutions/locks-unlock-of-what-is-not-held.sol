4: 0 waiting 1
4: free
