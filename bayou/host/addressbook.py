"""Where the servers of a cluster are found, as each says of itself.

Addresses are no writes: they change, and one who joins may not know its own yet. Each server writes its own
entry, under a version that grows, and passes on what is new; whatever order that comes in, the largest
version stays.
"""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.vector import RETIRED, STAMP_MAX
from bayou.host.messages import Entry
from bayou.net.address import is_loopback, is_wildcard, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector

ENTRIES_MAX = 1024
ADDRESSES_MAX = 8


class AddressBook:
    """The entries that are known here, by name."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[Name, Entry] = {entry.name: entry for entry in entries}

    def get(self, name: Name) -> Entry | None:
        """Return the entry of a server, None where there is none."""
        return self._entries.get(name)

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries."""
        return tuple(self._entries.values())

    def put(self, entry: Entry) -> None:
        """Take an entry in that is this server's own."""
        self._entries[entry.name] = entry

    def merge(self, told: Iterable[Entry], me: Name | None, vector: VersionVector | None) -> list[Entry]:
        """Take in what another server tells; return the entries that are new. PeerError for what no entry can
        be.

        What others tell of ``me`` is passed over, as is what they tell of servers that ``vector`` knows to be
        gone, and what there is no room for.
        """
        new = []
        for entry in told:
            check(entry)
            known = self._entries.get(entry.name)
            if entry.name is me or (known is not None and known.version >= entry.version):
                continue
            if vector is not None and vector.completed(entry.name) == RETIRED:
                continue
            if known is None and len(self._entries) >= ENTRIES_MAX:
                continue
            self._entries[entry.name] = entry
            new.append(entry)
        return new

    def drop_gone(self, vector: VersionVector) -> list[Name]:
        """Let go of servers that are known to be gone; return their names."""
        gone = [name for name in self._entries if vector.completed(name) == RETIRED]
        for name in gone:
            del self._entries[name]
        return gone


def check(entry: Entry) -> None:
    """Raise PeerError unless a server can have said this of itself."""
    if not 0 < entry.version <= STAMP_MAX or len(entry.addresses) > ADDRESSES_MAX:
        raise PeerError(
            f"an entry of the directory with version {entry.version}, {len(entry.addresses)} addresses"
        )
    for address in entry.addresses:
        try:
            parse(address)
        except ValueError as error:
            raise PeerError(f"an entry of the directory: {error}") from error


def for_peer(entries: Iterable[Entry], *, is_near: bool) -> tuple[Entry, ...]:
    """Return what to tell a peer of these entries: to one on another host no address that means this host."""
    if is_near:
        return tuple(entries)
    told = []
    for entry in entries:
        far = tuple(address for address in entry.addresses if not _is_local(address))
        if far or not entry.addresses:
            told.append(Entry(entry.name, entry.version, far))
    return tuple(told)


def _is_local(address: str) -> bool:
    host, _ = parse(address)
    return is_loopback(host) or is_wildcard(host)
