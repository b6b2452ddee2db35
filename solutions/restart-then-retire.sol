PUT:(a, everywhere):TRUE
PUT:(b, before-the-crash):TRUE
PUT:(c, after-it):TRUE
PUT:(a, everywhere):TRUE
PUT:(a, everywhere):TRUE
PUT:(b, before-the-crash):TRUE
PUT:(c, after-it):TRUE
c:after-it
d:at-another-2
PUT:(a, everywhere):TRUE
PUT:(b, before-the-crash):TRUE
PUT:(c, after-it):TRUE
PUT:(d, at-another-2):TRUE
