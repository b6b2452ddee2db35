a:ERR_DEP
w:ERR_DEP
a:a1
z:ERR_KEY
z:z2
w:ERR_DEP
w:w2
PUT:(y, y1):TRUE
PUT:(z, z2):TRUE
w:w2
y:y1
PUT:(y, y1):TRUE
