accounts/ann:8:FALSE
accounts/bob:2:FALSE
room:merged 1:FALSE
accounts/ann:4:TRUE
accounts/bob:0:TRUE
accounts/shop:6:TRUE
late/bob:["rent"]:TRUE
rent:merged 1:TRUE
gift:conflict:TRUE
room:merged 1:TRUE
CONFLICT:(gift):TRUE
