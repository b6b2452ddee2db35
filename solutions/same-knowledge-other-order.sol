x:older
x:newer
x:older
PUT:(y, pad):TRUE
PUT:(x, newer):TRUE
PUT:(x, older):TRUE
PUT:(x, older):FALSE
PUT:(y, pad):FALSE
PUT:(x, newer):FALSE
x:ERR_DEP
x:older
