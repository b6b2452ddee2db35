song:url
song:ERR_KEY
PUT:(song, url):FALSE
PUT:(song, url):TRUE
PUT:(song, url):TRUE
song:url
