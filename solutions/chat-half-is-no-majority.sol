0 0: three of four
0 0: three of four
0 0: three of four
1 0: two of four
