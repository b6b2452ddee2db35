n/k:5:TRUE
n/k-2:4:TRUE
n/k-3:3:TRUE
n/k-4:6:TRUE
