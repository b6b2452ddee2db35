PUT:(x, eight-pads):FALSE
PUT:(x, eight):FALSE
PUT:(x, nine):FALSE
x:nine
PUT:(x, eight-pads):TRUE
PUT:(x, eight):TRUE
PUT:(x, nine):TRUE
