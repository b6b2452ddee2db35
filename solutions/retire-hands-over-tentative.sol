PUT:(a, tentative):FALSE
PUT:(a, tentative):FALSE
PUT:(a, tentative):TRUE
PUT:(a, tentative):TRUE
