"""Runs scenarios: reads commands, carries them out in a world, prints what they print."""
