0 1: first
1 0: m
3 1: next
