PUT:(a, before):TRUE
PUT:(b, the-heir-commits):TRUE
PUT:(c, waits):FALSE
PUT:(a, before):TRUE
PUT:(b, the-heir-commits):TRUE
PUT:(c, waits):TRUE
d:from-the-new-0
PUT:(a, before):TRUE
PUT:(b, the-heir-commits):TRUE
PUT:(c, waits):TRUE
PUT:(d, from-the-new-0):TRUE
PUT:(e, by-the-next-heir):TRUE
