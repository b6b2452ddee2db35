PUT:(a, committed):TRUE
PUT:(b, tentative):FALSE
DELETE:(a):FALSE
PUT:(a, committed):TRUE
PUT:(b, tentative):FALSE
DELETE:(a):FALSE
PUT:(a, committed):TRUE
PUT:(b, tentative):TRUE
DELETE:(a):TRUE
a:ERR_KEY
b:tentative
b:tentative
PUT:(a, committed):TRUE
PUT:(b, tentative):TRUE
DELETE:(a):TRUE
