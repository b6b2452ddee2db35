"""How a server tells where it is found, and passes on where others are."""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.host.addressbook import ADDRESSES_MAX, AddressBook, for_peer
from bayou.host.messages import Directory, Entry
from bayou.net.address import is_wildcard, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.host.circle import Peer
    from bayou.host.home import Home
    from bayou.machine.messages import Message
    from bayou.net.address import Address
    from bayou.node.server import Server


class Listing:
    """The address book of a server: durable, and told to all who are connected.

    ``book`` has the entries; ``changed`` is called whenever some are new or gone.
    """

    def __init__(
        self,
        home: Home,
        machine: Server,
        peers: dict[int, Peer],
        send: Callable[[int, Message], None],
        changed: Callable[[], None],
    ) -> None:
        self.book = AddressBook(home.entries)
        self._home = home
        self._machine = machine
        self._peers = peers
        self._send = send
        self._changed = changed
        self._vector_seen: VersionVector | None = None
        own = None if machine.name is None else self.book.get(machine.name)
        if own is not None:
            machine.replica.clock.saw(own.version)

    @property
    def own(self) -> tuple[str, ...]:
        """Where this server is found, as far as it has told."""
        entry = None if self._machine.name is None else self.book.get(self._machine.name)
        return () if entry is None else entry.addresses

    def greet(self, id: int) -> None:
        """Tell who is connected now where servers are."""
        told = for_peer(self.book.entries(), is_near=self._peers[id].is_near)
        if told:
            self._send(id, Directory(told))

    def take_in(self, id: int, message: Directory) -> None:
        """A peer has told where servers are. PeerError where that can't be."""
        if not self._peers[id].is_server:
            raise PeerError("a client that tells where servers are")
        machine = self._machine
        vector = machine.replica.vector if machine.is_member else None
        new = self.book.merge(message.entries, machine.name, vector)
        if new:
            self._home.keep_entries(new)
            self._spread(tuple(new), but=id)

    def update(self, name: Name, advertised: tuple[str, ...], address: Address | None) -> None:
        """After a turn of a member: forget servers that are gone, and tell where this one is, where that is
        new."""
        replica = self._machine.replica
        if replica.vector is not self._vector_seen:
            self._vector_seen = replica.vector
            gone = self.book.drop_gone(replica.vector)
            if gone:
                self._home.keep_entries((), gone)
                self._changed()
        addresses = advertised[:ADDRESSES_MAX]
        if not addresses and address is not None and not is_wildcard(address[0]):
            addresses = (shown(address),)
        entry = self.book.get(name)
        if replica.retired or (entry is not None and entry.addresses == addresses):
            return
        entry = Entry(name, replica.clock.next(), addresses)
        self.book.put(entry)
        self._home.keep_entries((entry,))
        self._spread((entry,))

    def _spread(self, entries: tuple[Entry, ...], but: int | None = None) -> None:
        for id, peer in self._peers.items():
            told = () if id == but else for_peer(entries, is_near=peer.is_near)
            if told:
                self._send(id, Directory(told))
        self._changed()
