0 0: anybody here?
1 1: me
0 0: anybody here?
1 1: me
0 0: anybody here?
1 1: me
0 0: anybody here?
1 1: me
3 0: fine
0 0: anybody here?
1 1: me
3 0: fine
4 0: anybody here?
5 1: me
