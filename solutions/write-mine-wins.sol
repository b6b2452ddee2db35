mine:applied:FALSE
mine:merged 1:TRUE
n/a:mine:TRUE
