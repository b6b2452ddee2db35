early:applied:FALSE
r/9:early:FALSE
late:applied:TRUE
r/9:late:TRUE
early:merged 1:TRUE
r/10:early:TRUE
r/9:late:TRUE
WRITE:(late, applied):TRUE
WRITE:(early, merged 1):TRUE
