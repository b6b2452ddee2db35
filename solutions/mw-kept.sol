PUT:(library, v2):TRUE
PUT:(program, uses-v2):TRUE
PUT:(library, v2):TRUE
PUT:(program, uses-v2):TRUE
PUT:(library, v2):TRUE
PUT:(program, uses-v2):TRUE
