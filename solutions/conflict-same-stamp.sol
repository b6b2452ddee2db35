PUT:(song, by-three):FALSE
PUT:(song, by-four):FALSE
PUT:(song, by-three):FALSE
PUT:(song, by-four):FALSE
song:by-four
song:by-four
PUT:(song, by-three):TRUE
PUT:(song, by-four):TRUE
song:by-four
