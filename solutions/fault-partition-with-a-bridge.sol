a:over-the-bridge
b:ERR_KEY
PUT:(a, over-the-bridge):TRUE
PUT:(b, on-an-island):FALSE
PUT:(a, over-the-bridge):TRUE
b:on-an-island
PUT:(a, over-the-bridge):TRUE
PUT:(b, on-an-island):TRUE
PUT:(a, over-the-bridge):TRUE
PUT:(b, on-an-island):TRUE
PUT:(c, cut-off-from-both):TRUE
PUT:(a, over-the-bridge):TRUE
PUT:(b, on-an-island):TRUE
PUT:(c, cut-off-from-both):TRUE
PUT:(a, over-the-bridge):TRUE
PUT:(b, on-an-island):TRUE
PUT:(c, cut-off-from-both):TRUE
