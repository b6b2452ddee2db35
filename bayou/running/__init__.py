"""All at once: servers and clients that a command starts, drives to the end of their work, and ends."""
