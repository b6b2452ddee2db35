song:two
PUT:(song, one):TRUE
WRITE:(cover, applied):FALSE
song:other
cover:two
playlist/cover:two:FALSE
playlist/song:other:FALSE
song:back
playlist/song:one:TRUE
PUT:(song, one):TRUE
PUT:(song, other):TRUE
WRITE:(cover, merged 1):TRUE
DELETE:(song):TRUE
WRITE:(again, applied):TRUE
cover:two
