"""The replicated store without messages: names, clocks, vectors, the write log and its two views.

Nothing here does I/O, reads a clock or draws a random number; a replica is a function of what it
accepted and what it was told.
"""
