1: 0 waiting 1
