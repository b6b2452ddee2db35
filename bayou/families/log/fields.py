"""What the fields of commands on a log hold."""

from __future__ import annotations

from bayou.script.grammar import BadLine, Kind, parse_id, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.log.system import LogSystem
    from bayou.script.grammar import Field

BITS_MAX = 63
RATE_MAX = 0.9
MILLISECONDS_MAX = 10_000.0


def parse_whole(text: str) -> int:
    """Return the whole number in a field; BadLine where it is none, or does not fit 63 bits."""
    number = parse_id(text)
    if number.bit_length() > BITS_MAX:
        raise BadLine(f"{shorten(text)} does not fit {BITS_MAX} bits")
    return number


def parse_amount(text: str, most: float) -> float:
    """Return the decimal number from 0 to ``most`` in a field; BadLine where it is none."""
    digits = text.removeprefix("-").removeprefix("+").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()):
        raise BadLine(f"{shorten(text)!r} is no decimal number")
    value = float(text)
    if not 0 <= value <= most:
        raise BadLine(f"{shorten(text)} is not from 0 to {most:g}")
    return value


def parse_slots(text: str) -> tuple[int, ...]:
    """Return the slots in a list; BadLine where an item is no whole number from 0 on."""
    slots = []
    for item in text.split(","):
        if not item:
            raise BadLine("an item of the list is empty")
        slot = parse_whole(item)
        if slot < 0:
            raise BadLine(f"slots are counted from 0, and {shorten(item)} is below")
        slots.append(slot)
    return tuple(slots)


def read_server(text: str, system: LogSystem) -> int:
    """Return the id of a server in a field; BadLine where there is none of that id."""
    system.require_started()
    server = parse_whole(text)
    if not 0 <= server < system.servers:
        raise BadLine(f"there is no server {server}: there are {_range(system.servers)}")
    return server


def _server(text: str, field: Field, system: LogSystem) -> int:
    return read_server(text, system)


def _client(text: str, field: Field, system: LogSystem) -> int:
    system.require_started()
    client = parse_whole(text)
    if not 0 <= client < system.clients:
        raise BadLine(f"there is no client {client}: there are {_range(system.clients)}")
    return client


def _range(count: int) -> str:
    return "none" if not count else "only 0" if count == 1 else f"0 to {count - 1}"


SERVER = Kind(
    "the id of a server", _server, offers=lambda system: [str(each) for each in range(system.servers)]
)
CLIENT = Kind(
    "the id of a client", _client, offers=lambda system: [str(each) for each in range(system.clients)]
)
