items/milk:{"id":"m","text":"milk"}:TRUE
items/salt:{"id":"s","text":"salt"}:TRUE
ticks/milk:true:FALSE
ticks/salt:true:FALSE
tick1:merged 1:TRUE
tick2:applied:TRUE
del1:merged 1:TRUE
items/milk:{"id":"m","text":"oat"}:TRUE
items/salt:{"id":"s","text":"salt"}:TRUE
items/tea:{"id":"t","text":"green"}:TRUE
ticks/salt:true:TRUE
