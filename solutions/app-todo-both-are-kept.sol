items/call:{"id":"c","text":"call"}:FALSE
items/milk:{"id":"m","text":"soya"}:FALSE
items/call:{"id":"d","text":"ring"}:TRUE
items/milk:{"id":"m","text":"oat"}:TRUE
soya:merged 3:TRUE
items/call:{"id":"d","text":"ring"}:TRUE
items/call-2:{"id":"c","text":"call"}:TRUE
items/milk:{"id":"m","text":"oat"}:TRUE
items/milk-2:{"id":"m","text":"soya"}:TRUE
phone1:merged 1:TRUE
items/call:{"id":"d","text":"phone"}:TRUE
items/call-2:{"id":"c","text":"call"}:TRUE
back:merged 2:TRUE
items/milk:{"id":"m","text":"cream"}:TRUE
items/milk-2:{"id":"m","text":"soya"}:TRUE
