PUT:(x, 1):FALSE
PUT:(x, 2):FALSE
PUT:(a, late):FALSE
PUT:(a, early):FALSE
PUT:(x, 1):FALSE
PUT:(x, 2):FALSE
PUT:(a, late):FALSE
a:late
a:late
