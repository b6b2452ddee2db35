shared:right
shared:left
only:ERR_KEY
PUT:(shared, before):TRUE
PUT:(shared, left):TRUE
PUT:(shared, before):TRUE
PUT:(shared, right):FALSE
PUT:(only, right):FALSE
only:right
PUT:(shared, before):TRUE
PUT:(shared, left):TRUE
PUT:(shared, right):TRUE
PUT:(only, right):TRUE
PUT:(shared, before):TRUE
PUT:(shared, left):TRUE
PUT:(shared, right):TRUE
PUT:(only, right):TRUE
