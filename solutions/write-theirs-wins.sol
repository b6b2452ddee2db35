n/a:polite:FALSE
polite:merged 1:TRUE
n/a:first:TRUE
