r/10:b:TRUE
r/9:a:TRUE
n/count:5:TRUE
b:merged 1:TRUE
CONFLICT:(e):TRUE
