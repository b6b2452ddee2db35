song:ERR_KEY
song:ERR_DEP
song:ERR_KEY
