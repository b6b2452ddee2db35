0 0: all is well
