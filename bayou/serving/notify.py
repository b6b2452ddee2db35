"""What a service manager is told of a server that it has started: that it serves now, and that it is about to
end. It names a socket for that in NOTIFY_SOCKET, as systemd does for units of Type=notify."""

from __future__ import annotations

import os

from bayou._lean import socket

READY = b"READY=1"
STOPPING = b"STOPPING=1"


def notify(what: bytes) -> None:
    """Tell whoever has started this process, if he wants to know."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    # A name that begins with @ is no file: the system wants a zero byte in its place.
    address = f"\0{place[1:]}" if place[0] == "@" else place
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        wire.setblocking(False)
        wire.sendto(what, address)
    except OSError:
        pass  # it has gone, or does not listen: no reason not to serve
    finally:
        wire.close()
