0 0: hello
