entry:wrong
PUT:(other, fine):FALSE
entry:wrong
PUT:(entry, wrong):TRUE
PUT:(other, fine):TRUE
PUT:(entry, corrected):TRUE
