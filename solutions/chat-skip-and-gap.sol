1 0: red
2 0: blue
