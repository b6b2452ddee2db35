PUT:(a, everywhere):TRUE
PUT:(b, before-the-creation):FALSE
PUT:(c, by-the-newcomer):FALSE
c:by-the-newcomer
PUT:(a, everywhere):TRUE
PUT:(b, before-the-creation):TRUE
PUT:(c, by-the-newcomer):TRUE
d:by-the-next-one
PUT:(a, everywhere):TRUE
PUT:(b, before-the-creation):TRUE
PUT:(c, by-the-newcomer):TRUE
PUT:(d, by-the-next-one):TRUE
