PUT:(song, generation-0):TRUE
PUT:(song, generation-1):TRUE
PUT:(song, generation-2):TRUE
PUT:(song, generation-3):TRUE
PUT:(song, generation-4):TRUE
PUT:(song, generation-5):TRUE
PUT:(song, generation-6):TRUE
PUT:(song, generation-7):TRUE
PUT:(song, generation-8):TRUE
PUT:(song, generation-9):TRUE
PUT:(song, generation-10):TRUE
PUT:(song, generation-0):TRUE
PUT:(other, alone):FALSE
song:ERR_DEP
song:generation-10
song:generation-0
song:generation-10
PUT:(song, generation-0):TRUE
PUT:(song, generation-1):TRUE
PUT:(song, generation-2):TRUE
PUT:(song, generation-3):TRUE
PUT:(song, generation-4):TRUE
PUT:(song, generation-5):TRUE
PUT:(song, generation-6):TRUE
PUT:(song, generation-7):TRUE
PUT:(song, generation-8):TRUE
PUT:(song, generation-9):TRUE
PUT:(song, generation-10):TRUE
PUT:(other, alone):TRUE
other:alone
