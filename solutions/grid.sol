a:corner
a:middle
a:top
a:middle
PUT:(a, corner):TRUE
PUT:(a, top):TRUE
PUT:(a, middle):TRUE
PUT:(a, corner):TRUE
PUT:(a, middle):FALSE
PUT:(b, alone):FALSE
PUT:(a, corner):TRUE
PUT:(a, top):TRUE
PUT:(a, middle):TRUE
PUT:(b, alone):TRUE
