PUT:(a, last-words):TRUE
PUT:(b, more):TRUE
PUT:(a, last-words):TRUE
PUT:(b, more):TRUE
