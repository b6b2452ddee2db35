song:from-0
song:from-19
song:from-19
PUT:(song, from-0):TRUE
PUT:(song, from-1):TRUE
PUT:(song, from-2):TRUE
PUT:(song, from-3):TRUE
PUT:(song, from-4):TRUE
PUT:(song, from-5):TRUE
PUT:(song, from-6):TRUE
PUT:(song, from-7):TRUE
PUT:(song, from-8):TRUE
PUT:(song, from-9):TRUE
PUT:(song, from-10):TRUE
PUT:(song, from-11):TRUE
PUT:(song, from-12):TRUE
PUT:(song, from-13):TRUE
PUT:(song, from-14):TRUE
PUT:(song, from-15):TRUE
PUT:(song, from-16):TRUE
PUT:(song, from-17):TRUE
PUT:(song, from-18):TRUE
PUT:(song, from-19):TRUE
