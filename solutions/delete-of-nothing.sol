ghost:ERR_KEY
ghost:here
ghost:here
DELETE:(ghost):TRUE
DELETE:(ghost):TRUE
DELETE:(ghost):TRUE
PUT:(ghost, here):TRUE
