"""The file that says on which hosts a decree's nodes and clients are::

    PROPOSERS 2
    ACCEPTORS 3
    LEARNERS 1
    one.example.org 7000 con
    one.example.org 7001 con
    ...
    two.example.org 7006 cli

after the counts a ``con`` line for each node, by id, and a ``cli`` line for each client. Blank lines, and
what stands behind a ``#``, are no lines.
"""

from __future__ import annotations

from bayou._quoting import printable
from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.decree.plan import NODES_MAX
from bayou.net.address import PORT_MAX, look_up, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.net.address import Address

ROLES = ("PROPOSERS", "ACCEPTORS", "LEARNERS")
CLIENTS_MAX = 999


class HostsError(BayouError):
    """The file can't be used; says where, why, and what to do."""


class Hosts(Record):
    """What a file says: how many of which role, and where the nodes and clients are, by id, as written."""

    path: str
    proposers: int
    acceptors: int
    learners: int
    nodes: tuple[Address, ...]
    clients: tuple[Address, ...]

    @property
    def places(self) -> tuple[Address, ...]:
        """Where all are, by id."""
        return self.nodes + self.clients

    def find(self, id: int) -> Address:
        """Return where that node or client is, its host in numbers; HostsError where nobody knows it."""
        host, port = self.places[id]
        try:
            return look_up(host, port)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no name"
            raise HostsError(
                f"{self.path}: {printable(host)} can't be found: {why}; correct the name"
            ) from error


def read_hosts(path: str) -> Hosts:
    """Read such a file. HostsError, which names the line and what to do."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8")
    except OSError as error:
        raise HostsError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise HostsError(f"{path}: is no text; write it as UTF-8") from error
    return _Reading(path, text.splitlines()).hosts()


class _Reading:
    def __init__(self, path: str, lines: Sequence[str]) -> None:
        self._path = path
        numbered = ((number, line.partition("#")[0].split()) for number, line in enumerate(lines, 1))
        self._lines = [(number, words) for number, words in numbered if words]
        self._last = len(lines)

    def hosts(self) -> Hosts:
        counts = [self._count(at, role) for at, role in enumerate(ROLES)]
        total = sum(counts)
        if total > NODES_MAX:
            raise self._wrong(self._lines[2][0], f"{total} nodes in all; {NODES_MAX} at most")
        places: dict[str, list[Address]] = {"con": [], "cli": []}
        where: dict[Address, int] = {}
        for number, words in self._lines[len(ROLES) :]:
            kind, address = self._place(number, words)
            if kind == "con" and places["cli"]:
                raise self._wrong(number, "a con line behind a cli line; put all con lines first")
            if address in where:
                raise self._wrong(
                    number, f"{shown(address)} stands in line {where[address]} already; choose another port"
                )
            where[address] = number
            places[kind].append(address)
        if len(places["con"]) != total:
            raise HostsError(
                f"{self._path}: {total} nodes by the counts ({' + '.join(map(str, counts))}), but "
                f"{len(places['con'])} con lines; let them be as many"
            )
        if len(places["cli"]) > CLIENTS_MAX:
            raise HostsError(f"{self._path}: {len(places['cli'])} clients; {CLIENTS_MAX} at most")
        proposers, acceptors, learners = counts
        return Hosts(self._path, proposers, acceptors, learners, tuple(places["con"]), tuple(places["cli"]))

    def _count(self, at: int, role: str) -> int:
        if at >= len(self._lines):
            raise self._wrong(self._last + 1, f"the file ends; write {role} and how many")
        number, words = self._lines[at]
        if len(words) != 2 or words[0] != role:
            raise self._wrong(
                number, f"{_quoted(words)} where {role} and how many is due; write {role} 3, say"
            )
        count = _whole(words[1])
        if count is None or not 1 <= count <= NODES_MAX:
            raise self._wrong(number, f"{_quoted(words[1:])} is no number from 1 to {NODES_MAX}")
        return count

    def _place(self, number: int, words: list[str]) -> tuple[str, Address]:
        if len(words) != 3:
            raise self._wrong(number, f"{_quoted(words)} is no place; write HOST PORT con, or HOST PORT cli")
        host, port, kind = words
        if kind not in ("con", "cli"):
            raise self._wrong(number, f"{_quoted([kind])} is neither con (a node) nor cli (a client)")
        value = _whole(port)
        if value is None or not 1 <= value <= PORT_MAX:
            raise self._wrong(number, f"{_quoted([port])} is no port; they go from 1 to {PORT_MAX}")
        return kind, (host, value)

    def _wrong(self, number: int, why: str) -> HostsError:
        return HostsError(f"{self._path}:{number}: {why}")


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _quoted(words: list[str]) -> str:
    return repr(printable(" ".join(words))[:80])
