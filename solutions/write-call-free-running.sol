accounts/bob:2:TRUE
accounts/shop:1:TRUE
CONFLICT:(a):TRUE
a:conflict:TRUE
