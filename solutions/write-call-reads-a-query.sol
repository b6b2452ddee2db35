orders/o7:{"sent":0}:FALSE
items/o7/cup:{"state":"sent"}:TRUE
items/o7/tea:{"state":"sent"}:TRUE
items/o8/pot:{"state":"packed"}:TRUE
orders/o7:{"sent":2}:TRUE
sent:applied:TRUE
