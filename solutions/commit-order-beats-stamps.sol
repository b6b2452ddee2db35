a:newer
a:older
a:older
a:older
a:older
PUT:(x, 1):TRUE
PUT:(x, 2):TRUE
PUT:(a, newer):TRUE
PUT:(a, older):TRUE
