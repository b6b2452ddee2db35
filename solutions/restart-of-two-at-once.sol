PUT:(a, everywhere):TRUE
PUT:(d, at-3):TRUE
PUT:(a, everywhere):TRUE
PUT:(d, at-3):TRUE
PUT:(e, while-they-are-down):TRUE
PUT:(c, at-2):TRUE
PUT:(a, everywhere):TRUE
PUT:(d, at-3):TRUE
PUT:(e, while-they-are-down):TRUE
PUT:(c, at-2):TRUE
PUT:(b, at-1):TRUE
b:at-1
e:while-they-are-down
f:of-the-two
PUT:(a, everywhere):TRUE
PUT:(d, at-3):TRUE
PUT:(e, while-they-are-down):TRUE
PUT:(c, at-2):TRUE
PUT:(b, at-1):TRUE
PUT:(f, of-the-two):FALSE
PUT:(a, everywhere):TRUE
PUT:(d, at-3):TRUE
PUT:(e, while-they-are-down):TRUE
PUT:(c, at-2):TRUE
PUT:(b, at-1):TRUE
PUT:(f, of-the-two):TRUE
