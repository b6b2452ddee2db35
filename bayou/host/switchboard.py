"""The connections of a program to servers, for sessions that share them.

Servers are tried in the order in which their addresses were given, then where the directory says that others
are (bayou.host.addressbook). A connection is made when a session wants one that there is not, and stays. It
has no thread: whoever waits for an answer turns it.
"""

from __future__ import annotations

from random import SystemRandom
from time import monotonic

from bayou.core.errors import PeerError
from bayou.host.acquaintances import OTHER_CLUSTER, PROTOCOL, Acquaintances
from bayou.host.addressbook import AddressBook
from bayou.host.messages import Directory, NameGiven, Ping, Pong
from bayou.host.resolver import Resolver
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Received, Tick
from bayou.net.address import parse
from bayou.net.link import HANDSHAKE_S
from bayou.net.network import Network
from bayou.node.messages import Hello
from bayou.node.sessions import Sessions
from bayou.wire.connection import Identity, Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.core.name import Name
    from bayou.machine.effects import Effects, Input
    from bayou.machine.messages import Message
    from bayou.net.address import Address
    from bayou.net.tls import Tls
    from bayou.node.using import Use

FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 3.0
"""How long to wait before an address is tried again: twice as long each time."""

SILENCE_S = 15


class Place:
    """An address: the server that was met there last, when to try it again, why it failed, and how often in
    a row for a reason that will last."""

    __slots__ = ("address", "due", "id", "is_dialled", "name", "pause_s", "turned_away", "why")

    def __init__(self, address: str) -> None:
        self.address = address
        self.id: int | None = None
        self.name: Name | None = None
        self.due = 0.0
        self.pause_s = FIRST_PAUSE_S
        self.is_dialled = False
        self.why = ""
        self.turned_away = 0


class Switchboard:
    """``sessions`` is the machine that has them; ``servers`` are those that are connected, by id."""

    def __init__(
        self, addresses: tuple[str, ...], secret: bytes, *, tls: Tls | None = None, cluster: str = ""
    ) -> None:
        """``addresses``: HOST:PORT each. ``cluster``: which one it has to be, "" for that of the first server
        that answers."""
        rng = SystemRandom()
        id = rng.getrandbits(62)
        me = Identity(cluster, None, 0, rng.getrandbits(62), PROTOCOL)
        self.sessions = Sessions(id, rng)
        self.servers: dict[int, Identity] = {}
        self.place = ", ".join(addresses)
        self._acquaintances = Acquaintances(id, me)
        self.network = Network(secret, self, gate=self._meet, tls=tls, silence_s=SILENCE_S)
        self._resolver = Resolver(self.network)
        self._places = {address: Place(address) for address in addresses}
        self._book = AddressBook()
        self._number = 0
        self._dials: dict[int, Place] = {}
        self._met: Introduce | None = None
        self._answered: dict[int, Callable[[Message], None]] = {}
        self._wanted = 0
        self._introduce()

    # What whoever drives it uses.

    def want(self, is_wanted: bool) -> None:
        """Whether somebody waits for any connection at all, beside what sessions wish for."""
        self._wanted += 1 if is_wanted else -1

    def use(self, use: Use, answered: Callable[[Message], None]) -> None:
        """Ask something in a session; ``answered`` is called with what comes of it, from within a turn."""
        self._number += 1
        self._answered[self._number] = answered
        self._step(Ordered(self._number, use))
        self.network.flush()

    def turn(self, until: float | None = None) -> None:
        """Take in what comes, at the latest until then (monotonic), or until something is to be done; do
        it."""
        self._dial_wanted(monotonic())
        self.network.flush()
        self.network.wait(self._next_due(until))
        due = self.sessions.wake_at
        if due is not None and monotonic() >= due:
            self._step(Tick())
        self._dial_wanted(monotonic())
        self.network.flush()

    def rest_s(self, until: float | None = None) -> float:
        """Return for how many seconds there is nothing to do unless something comes in."""
        due = self._next_due(until)
        return self.network.rest_s(monotonic() + 3600.0 if due is None else due)

    def close(self, *, is_clean: bool = True) -> None:
        """Close all connections."""
        self._resolver.close()
        self.network.close()

    def disown(self) -> None:
        """In the child of a fork: nothing is locked."""

    @property
    def cluster(self) -> str:
        """The cluster, "" as long as no server has told."""
        return self._acquaintances.me.cluster

    @property
    def failures(self) -> dict[str, str]:
        """Why there is no connection, by address."""
        return {place.address: place.why for place in self._places.values() if place.why}

    @property
    def is_hopeless(self) -> bool:
        """Whether each address has been tried, and nothing can be asked of the servers there: twice, since
        one that is killed in the middle of the handshake looks like one with another secret."""
        return not self.servers and all(place.turned_away > 1 for place in self._places.values())

    def address_of(self, name: Name) -> str | None:
        """Return where the server of that name was met."""
        for place in self._places.values():
            if place.name is name and place.id in self.servers:
                return place.address
        return None

    # Connecting.

    def _next_due(self, until: float | None) -> float | None:
        dues = [until, self.sessions.wake_at, *[place.due for place in self._candidates()]]
        return min((due for due in dues if due is not None), default=None)

    def _dial_wanted(self, now: float) -> None:
        for place in self._candidates():
            if now >= place.due:
                self._dial(place)

    def _candidates(self) -> list[Place]:
        """Return where a connection is to be tried, now or when its time has come: for each that is wanted
        one place."""
        found: dict[str, Place] = {}
        for wish in self.sessions.wishes:
            name = wish.name
            place = self._next_place(wish.avoid) if name is None else self._place_of(name)
            if place is not None:
                found[place.address] = place
        if self._wanted and not self.servers and not found:
            place = self._next_place(())
            if place is not None:
                found[place.address] = place
        return list(found.values())

    def _next_place(self, avoid: tuple[Name, ...]) -> Place | None:
        """Return the first place that may lead to a server other than those, and the one that is due first of
        all where none is due yet; None while one is being tried."""
        open_places = []
        for place in self._places.values():
            is_up = place.id is not None and place.id in self.servers
            if is_up and place.name not in avoid:
                return None  # it is connected
            if place.is_dialled:
                return None
            if not is_up:
                open_places.append(place)
        now = monotonic()
        fresh = [place for place in open_places if place.due <= now and place.name not in avoid]
        due = [place for place in open_places if place.due <= now]
        if fresh or due:
            return (fresh or due)[0]
        return min(open_places, key=lambda place: place.due, default=None)

    def _place_of(self, name: Name) -> Place | None:
        """Return where a certain server may be: where it says that it is, or was met, or anywhere."""
        entry = self._book.get(name)
        listed = () if entry is None else entry.addresses
        places = [place for place in self._places.values() if place.id not in self.servers]
        likely = [place for place in places if place.address in listed or place.name is name]
        if any(place.is_dialled for place in (likely or places)):
            return None
        return min(likely or places, key=lambda place: place.due, default=None)

    def _dial(self, place: Place) -> None:
        place.is_dialled = True
        self._number += 1
        number = self._number
        self._dials[number] = place

        def found(address: Address | str) -> None:
            if isinstance(address, str):
                self.dialled(number, address)
            else:
                self.network.dial(number, address, 0.0, HANDSHAKE_S)

        self._resolver.find(parse(place.address), found)

    def dialled(self, number: int, failure: str | None) -> None:
        place = self._dials.pop(number, None)
        if place is None:
            return
        now = monotonic()
        place.is_dialled = False
        met = self._met
        if failure is None and met is not None and met.id in self.servers:
            place.id, place.name, place.why = met.id, self.servers[met.id].name, ""
            place.pause_s = FIRST_PAUSE_S
            place.due = now
            place.turned_away = 0
        else:
            place.why = failure or "the connection ended"
            is_final = OTHER_CLUSTER in place.why or place.why.endswith("handshake was over")
            place.turned_away = place.turned_away + 1 if is_final else 0
            place.due = now + place.pause_s
            place.pause_s = min(LAST_PAUSE_S, 2 * place.pause_s)

    def _introduce(self) -> None:
        hello = Hello(is_server=False)
        self.network.introduce_as(Introduce(self._acquaintances.id, False, hello, self._acquaintances.me))

    def _meet(self, peer: Introduce) -> str | None:
        """The gate of the network."""
        why, who = self._acquaintances.refuse(peer), peer.who
        if why is None and not peer.is_server:
            why = "it is no server"
        if why is None and who is not None and not self.cluster and who.cluster:
            me = self._acquaintances.me
            self._acquaintances.me = Identity(who.cluster, None, 0, me.boot, PROTOCOL)
            self._introduce()
        self._met = peer
        return why

    def linked(self, peer: Introduce) -> None:
        if peer.who is not None:
            self.servers[peer.id] = peer.who
            self._acquaintances.meet(peer.who)
            self._step(LinkUp(peer.id, peer.hello))

    def unlinked(self, peer: int) -> None:
        if self.servers.pop(peer, None) is not None:
            self._step(LinkDown(peer))

    def received(self, peer: int, message: Message) -> None:
        try:
            self._take_in(peer, message)
        except PeerError as error:
            self.network.hang_up(peer, str(error))

    def _take_in(self, peer: int, message: Message) -> None:
        if isinstance(message, Ping):
            self.network.send(peer, Pong())
        elif isinstance(message, Directory):
            self._take_directory(message)
        elif isinstance(message, NameGiven):
            self._take_name(peer, message.name)
        elif peer in self.servers and not isinstance(message, Pong):
            self._step(Received(peer, message))

    def _take_directory(self, message: Directory) -> None:
        for entry in self._book.merge(message.entries, None, None):
            for address in entry.addresses:
                place = self._places.setdefault(address, Place(address))
                place.name = place.name or entry.name

    def _take_name(self, peer: int, name: Name) -> None:
        who = self.servers.get(peer)
        if who is None:
            return
        self.servers[peer] = Identity(who.cluster, name, who.starts, who.boot, who.protocol, who.addresses)
        for place in self._places.values():
            if place.id == peer:
                place.name = name
        self._carry_out(self.sessions.has_name(monotonic(), peer, name))

    def relieved(self) -> None:
        """What was freed is kept by the C library for what comes."""

    def complain(self, sort: str, line: str) -> None:
        """Why a connection ended shows in what is asked next."""

    # The machine.

    def _step(self, given: Input) -> None:
        self._carry_out(self.sessions.step(monotonic(), given))

    def _carry_out(self, effects: Effects) -> None:
        for peer, message in effects.sends:
            self.network.send(peer, message)
        for number, answer in effects.answers:
            answered = self._answered.pop(number, None)
            if answered is not None:
                answered(answer)
        for peer, why in effects.drops:
            self.network.hang_up(peer, why)
