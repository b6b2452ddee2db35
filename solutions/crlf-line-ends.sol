song:url
PUT:(song, url):TRUE
