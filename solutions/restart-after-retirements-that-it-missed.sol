PUT:(a, everywhere):TRUE
PUT:(b, missed):TRUE
PUT:(c, missed-too):TRUE
PUT:(e, by-the-heir):TRUE
PUT:(a, everywhere):TRUE
PUT:(b, missed):TRUE
PUT:(c, missed-too):TRUE
PUT:(e, by-the-heir):TRUE
PUT:(t, only-at-3):TRUE
b:missed
t:only-at-3
PUT:(a, everywhere):TRUE
PUT:(b, missed):TRUE
PUT:(c, missed-too):TRUE
PUT:(e, by-the-heir):TRUE
PUT:(t, only-at-3):TRUE
PUT:(d, it-is-back):TRUE
PUT:(a, everywhere):TRUE
PUT:(b, missed):TRUE
PUT:(c, missed-too):TRUE
PUT:(e, by-the-heir):TRUE
PUT:(t, only-at-3):TRUE
PUT:(d, it-is-back):TRUE
