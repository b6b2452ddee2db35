items/buy-milk:soya:FALSE
items/call-bob:call:FALSE
items/buy-milk:oat:TRUE
items/call-bob:ring:TRUE
soya:merged 2:TRUE
items/buy-milk:oat:TRUE
items/buy-milk-2:soya:TRUE
items/call-bob:ring:TRUE
items/call-bob-2:call:TRUE
ring1:merged 1:TRUE
items/buy-milk:oat:TRUE
items/buy-milk-2:soya:TRUE
items/call-bob:phone:TRUE
items/call-bob-2:call:TRUE
back:merged 2:TRUE
items/buy-milk:cream:TRUE
items/buy-milk-2:soya:TRUE
items/call-bob:phone:TRUE
items/call-bob-2:call:TRUE
