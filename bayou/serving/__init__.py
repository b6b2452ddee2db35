"""``bayou serve``: a server that lasts, run from a shell; and what is asked of one that runs."""
