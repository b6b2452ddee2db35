"""The kinds of fields that only the store has: ids, in its one namespace of servers and clients."""

from __future__ import annotations

from bayou.script.grammar import BadLine, Kind, parse_id, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.store.system import StoreSystem
    from bayou.script.grammar import Field


CSN_DIGITS_MAX = 18


def _new(text: str, field: Field, system: StoreSystem) -> int:
    number = parse_id(text)
    kind = system.topology.kind(number)
    if kind is not None:
        raise BadLine(f"the id {number} is in use, by a {kind}")
    return number


def _node(text: str, field: Field, system: StoreSystem) -> int:
    """Return the id of a node that is up and fits the field."""
    number = parse_id(text)
    kind = system.topology.kind(number)
    if kind is None:
        raise BadLine(f"nobody has the id {number} now: it has not joined, or has retired")
    if kind == "crashed server":
        raise BadLine(f"server {number} has crashed: restartServer {number} brings it back")
    wanted = "server" if field.kind is SERVER_ID else "client" if field.kind is CLIENT_ID else kind
    if kind != wanted:
        raise BadLine(f"{number} is a {kind}, and {field.name} has to be {field.kind.words}")
    return number


def _node_or_all(text: str, field: Field, system: StoreSystem) -> int | None:
    return None if text == "*" else _node(text, field, system)


def _csn(text: str, field: Field, system: StoreSystem) -> int | None:
    """Return a CSN, None where none is given."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= CSN_DIGITS_MAX):
        raise BadLine(f"{shorten(text)!r} is no CSN: a number from 0 to {'9' * CSN_DIGITS_MAX}")
    return int(text)


def _servers(system: StoreSystem) -> list[str]:
    return [str(server) for server in system.topology.servers]


def _clients(system: StoreSystem) -> list[str]:
    return [str(client) for client in system.topology.clients]


def _nodes(system: StoreSystem) -> list[str]:
    return [str(node) for node in sorted([*system.topology.servers, *system.topology.clients])]


NEW_ID = Kind("a new id", _new)
SERVER_ID = Kind("the id of a server", _node, offers=_servers)
CLIENT_ID = Kind("the id of a client", _node, offers=_clients)
NODE_ID = Kind("the id of a server or client", _node, offers=_nodes)
CSN = Kind(
    "a commit sequence number, that of the newest committed write where it is left out",
    _csn,
    is_optional=True,
)
NODE_OR_ALL = Kind("the id of a server or client, or * for all, those that join later included", _node_or_all)
