song:cut-at-0-1
song:cut-at-1-2
song:cut-at-2-3
song:cut-at-3-4
song:cut-at-4-5
song:cut-at-5-0
PUT:(song, cut-at-0-1):TRUE
PUT:(song, cut-at-1-2):TRUE
PUT:(song, cut-at-2-3):TRUE
PUT:(song, cut-at-3-4):TRUE
PUT:(song, cut-at-4-5):TRUE
PUT:(song, cut-at-5-0):TRUE
