PUT:(log, at-sea-1):FALSE
PUT:(log, port-one-1):FALSE
PUT:(log, at-sea-2):FALSE
PUT:(log, port-two):FALSE
PUT:(log, at-sea-3):FALSE
PUT:(log, at-sea-1):FALSE
PUT:(log, port-one-1):FALSE
PUT:(log, port-one-2):FALSE
PUT:(log, at-sea-1):FALSE
PUT:(log, port-one-1):FALSE
PUT:(log, port-one-2):FALSE
PUT:(log, at-sea-2):FALSE
PUT:(log, port-two):FALSE
PUT:(log, at-sea-3):FALSE
PUT:(log, at-sea-1):TRUE
PUT:(log, port-one-1):TRUE
PUT:(log, at-sea-2):TRUE
PUT:(log, port-two):TRUE
log:port-two
PUT:(log, at-sea-1):TRUE
PUT:(log, port-one-1):TRUE
PUT:(log, at-sea-2):TRUE
PUT:(log, port-two):TRUE
PUT:(log, port-one-2):TRUE
PUT:(log, at-sea-3):TRUE
log:at-sea-3
