papers/Terry95:{"same":"bayou","title":"Bayou"}:FALSE
papers/T95:{"same":"bayou","title":"BAYOU"}:FALSE
papers/T95-2:{"same":"leases","title":"Leases"}:FALSE
p2:applied:FALSE
p3:applied:FALSE
p2:merged 1:TRUE
p3:applied:TRUE
papers/T95:{"same":"leases","title":"Leases"}:TRUE
papers/Terry95:{"same":"bayou","title":"Bayou"}:TRUE
papers/T95:{"same":"leases","title":"Leases"}:TRUE
papers/Terry95:{"same":"bayou","title":"Bayou"}:TRUE
WRITE:(p1, applied):TRUE
WRITE:(p2, merged 1):TRUE
WRITE:(p3, applied):TRUE
