song:http://example.org/1
PUT:(song, http://example.org/1):TRUE
PUT:(song, http://example.org/1):TRUE
PUT:(song, http://example.org/1):TRUE
