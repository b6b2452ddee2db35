"""Where nodes run: as real processes over TCP, or simulated in one process. The protocol is the same."""
