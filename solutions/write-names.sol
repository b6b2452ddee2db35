x:ERR_KEY
CONFLICT:(y):FALSE
n/mine:1:FALSE
x:applied:TRUE
y:applied:TRUE
resolve-y:applied:TRUE
n/k:1:TRUE
n/mine:1:TRUE
