"""Bytes on a connection: frames, the pickles in them, and the handshake before them. No sockets here:
bytes go in and come out, and whoever owns the socket moves them."""
