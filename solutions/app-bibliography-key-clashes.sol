papers/Terry94:{"id":"s","same":"sessions"}:FALSE
papers/:ERR_KEY
papers/Terry94:{"id":"c","same":"caching"}:TRUE
papers/Terry94-2:{"id":"s","same":"sessions"}:TRUE
sessions:applied:TRUE
gone:conflict:TRUE
CONFLICT:(gone):TRUE
twice:merged 1:TRUE
papers/Terry94:{"id":"c","same":"caching"}:TRUE
