PUT:(a, b):TRUE
