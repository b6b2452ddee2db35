bib/T95:{"title":"Bayou"}:FALSE
bib/Terry95:{"title":"Sessions"}:FALSE
bib/Terry95:{"title":"Bayou"}:TRUE
bib/Terry95-2:{"title":"Sessions"}:TRUE
p3:merged 1:TRUE
