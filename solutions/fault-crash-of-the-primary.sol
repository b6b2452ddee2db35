b:later
PUT:(a, committed):TRUE
PUT:(b, tentative):FALSE
PUT:(b, later):FALSE
c:right
c:right
c:right
PUT:(a, committed):TRUE
PUT:(b, tentative):FALSE
PUT:(b, later):FALSE
PUT:(c, left):FALSE
PUT:(c, right):FALSE
DELETE:(b):FALSE
PUT:(a, committed):TRUE
PUT:(b, tentative):FALSE
PUT:(b, later):FALSE
PUT:(c, left):FALSE
PUT:(c, right):FALSE
DELETE:(b):FALSE
