"""Where a node is found: a host, in numbers, and a port, over IPv4 or IPv6 alike."""

from __future__ import annotations

from bayou._lean import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Address = tuple[str, int]

LOOPBACK = "127.0.0.1"
PORT_MAX = (1 << 16) - 1


def locate(address: Address) -> tuple[int, Any]:
    """Return the family of sockets for an address, and the address as they take it. Nobody is asked, so that
    this never waits. OSError where the host is not in numbers, or the port is none."""
    host, port = address
    if not 0 <= port <= PORT_MAX:
        raise OSError(f"{port} is no port: they go from 0 to {PORT_MAX}")
    if host == LOOPBACK:
        return socket.AF_INET, address
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except (OSError, ValueError) as error:  # ValueError: a text that can't be in any host's name
        raise OSError(f"{host!r:.80} is no address in numbers") from error
    family, _, _, _, place = found[0]
    return int(family), place


def look_up(host: str, port: int) -> Address:
    """Return the address of a host by its name. That may take seconds: to be done before a loop begins, not
    within it. OSError where nobody knows it."""
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    place: Any = found[0][4]
    return place[0], place[1]


def shown(address: Address) -> str:
    """Return an address as it is written: ``127.0.0.1:7000``, ``[::1]:7000``."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
