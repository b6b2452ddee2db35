"""Where machines run: what drives them, the same in a process of its own, simulated, or within a program."""
