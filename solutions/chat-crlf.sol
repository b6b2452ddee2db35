0 0: one
1 0: two words
