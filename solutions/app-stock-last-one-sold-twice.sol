stock/tea:2:FALSE
stock/tea:1:FALSE
stock/tea:2:TRUE
s1:applied:TRUE
s2:conflict:TRUE
CONFLICT:(s2):TRUE
sales/s1:ann:TRUE
stock/tea:1:FALSE
stock/tea:1:FALSE
again1:applied:TRUE
again2:merged 1:TRUE
stock/tea:1:TRUE
sales/s1:ann:TRUE
sales/s2:bob:TRUE
