x:three
x:three
PUT:(x, one):TRUE
PUT:(x, three):TRUE
y:bridge
z:ERR_KEY
PUT:(x, one):TRUE
PUT:(x, three):TRUE
PUT:(y, bridge):TRUE
PUT:(z, no-bridge):FALSE
y:bridge
z:ERR_KEY
z:ERR_KEY
z:no-bridge
PUT:(x, one):TRUE
PUT:(x, three):TRUE
PUT:(y, bridge):TRUE
PUT:(z, no-bridge):TRUE
