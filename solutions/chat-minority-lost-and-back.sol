0 0: all five
1 1: three of five
2 0: still three
0 0: all five
1 1: three of five
2 0: still three
3 1: others
0 0: all five
1 1: three of five
2 0: still three
3 1: others
4 1: two of five
