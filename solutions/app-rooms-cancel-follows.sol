rooms/Oak/11:{"id":"c1","who":"Cy"}:FALSE
off:applied:FALSE
rooms/Oak/10:{"id":"a1","who":"Ann"}:TRUE
rooms/Oak/12:{"id":"c1","who":"Cy"}:TRUE
bob:merged 1:TRUE
cy:merged 1:TRUE
off:merged 1:TRUE
again:merged 2:TRUE
rooms/Oak/10:{"id":"a1","who":"Ann"}:TRUE
