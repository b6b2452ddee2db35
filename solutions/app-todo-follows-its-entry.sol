items/milk:{"id":"b","text":"ham"}:FALSE
ticks/milk:true:FALSE
add1:applied:TRUE
edit:merged 1:TRUE
tick:merged 1:TRUE
items/milk:{"id":"a","text":"milk"}:TRUE
items/milk-2:{"id":"b","text":"ham"}:TRUE
ticks/milk-2:true:TRUE
wrong:applied:TRUE
