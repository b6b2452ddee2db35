items/milk:milk:TRUE
items/salt:salt:TRUE
ticks/milk:true:FALSE
ticks/salt:true:FALSE
tick1:merged 1:TRUE
tick2:applied:TRUE
del1:merged 2:TRUE
items/milk:oat:TRUE
items/salt:salt:TRUE
items/tea:green:TRUE
items/zest:zest:TRUE
ticks/salt:true:TRUE
