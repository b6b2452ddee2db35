n/k-9:9:TRUE
n/k-90:90:TRUE
n/k-91:91:TRUE
n/k-92:92:TRUE
n/k-93:93:TRUE
n/k-94:94:TRUE
n/k-95:95:TRUE
n/k-96:96:TRUE
n/k-97:97:TRUE
n/k-98:98:TRUE
n/k-99:99:TRUE
n/l:100:TRUE
n/k-100:ERR_KEY
full:conflict:TRUE
other:merged 1:TRUE
CONFLICT:(full):TRUE
