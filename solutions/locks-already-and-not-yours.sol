3: free
8: 0
