entry:wrong
PUT:(entry, wrong):TRUE
PUT:(entry, corrected):TRUE
