"""What chat and locks have in common: servers of one log, clients that watch it, and how a scenario moves
them. It is no family itself.
"""
