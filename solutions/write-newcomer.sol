n/k:{"x":1}:TRUE
b:conflict:TRUE
a:applied:TRUE
CONFLICT:(b):TRUE
n/k:{"x":1}:TRUE
a:done:TRUE
b:conflict:TRUE
CONFLICT:(b):TRUE
b:done:TRUE
b:conflict:TRUE
resolve-b:applied:TRUE
WRITE:(resolve-b, applied):TRUE
