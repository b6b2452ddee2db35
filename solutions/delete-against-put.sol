keep:ERR_KEY
keep:2
drop:2
drop:ERR_KEY
keep:2
keep:2
drop:ERR_KEY
drop:ERR_KEY
PUT:(keep, 1):TRUE
PUT:(drop, 1):TRUE
DELETE:(keep):TRUE
PUT:(drop, 2):TRUE
PUT:(keep, 2):TRUE
DELETE:(drop):TRUE
