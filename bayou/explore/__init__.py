"""Searches for broken promises: random runs from seeds, judged, and cut down to what still fails."""
