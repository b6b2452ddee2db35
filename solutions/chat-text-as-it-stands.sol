0 0: two  blanks   and three
1 0: a	b
2 0: # no comment
3 0: // neither is this
4 0: printChatLog 0
5 0: 7
6 0: 0 0: two  blanks
7 0: 7
