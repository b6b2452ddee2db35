PUT:(song, from-8):FALSE
PUT:(song, from-5):FALSE
PUT:(song, from-6):FALSE
PUT:(song, from-9):TRUE
PUT:(song, from-8):TRUE
PUT:(song, from-7):TRUE
PUT:(song, from-6):TRUE
PUT:(song, from-5):TRUE
song:from-5
