most:applied:TRUE
more:merged 1:TRUE
m/255:255:TRUE
one:applied:TRUE
two:conflict:TRUE
