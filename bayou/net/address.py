"""Where a node is found: a host, in numbers, and a port, over IPv4 or IPv6 alike."""

from __future__ import annotations

from bayou._lean import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Address = tuple[str, int]

LOOPBACK = "127.0.0.1"
PORT_MAX = (1 << 16) - 1
HOST_MAX = 253


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


def parse(text: str, *, may_choose: bool = False) -> Address:
    """Return the address that is written so: ``127.0.0.1:7474``, ``[::1]:7474``, ``host.example.org:7474``.
    The port 0 counts only with ``may_choose``, for who listens. ValueError, with a message for the user, for
    anything else."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        is_sound = ":" in host
    else:
        is_sound = ":" not in host
    is_sound = (
        is_sound and bool(colon) and 0 < len(host) <= HOST_MAX and host.isascii() and host.isprintable()
    )
    if not is_sound or " " in host or not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise ValueError(f"{text!r:.80} is no HOST:PORT; an IPv6 address goes in brackets, as in [::1]:7474")
    if not (0 if may_choose else 1) <= int(port) <= PORT_MAX:
        raise ValueError(f"{text!r:.80} has no port from 1 to {PORT_MAX}")
    return host, int(port)


def in_numbers(address: Address) -> bool:
    """Whether the host is in numbers, so that nobody has to be asked where it is."""
    try:
        locate(address)
    except OSError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this very host can be reached there."""
    return host.removeprefix("::ffff:").startswith("127.") or host in ("::1", "localhost")


def is_wildcard(host: str) -> bool:
    """Whether that stands for all addresses of a host, for who listens."""
    return host in ("0.0.0.0", "::")
