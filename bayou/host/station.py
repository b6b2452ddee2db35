"""The loop of a server that lasts: its network, its machine, and what it is kept in.

One thread, which is the caller's: ``turn`` takes all that the sockets hold, lets the machine process it,
makes all that this has left durable in one transaction, and only then sends and answers. Nothing here listens
to signals, prints or ends the process: `bayou serve` does that, and a program that embeds a server does what
it likes.
"""

from __future__ import annotations

import os
from random import SystemRandom
from time import monotonic, time

from bayou.core.errors import PeerError
from bayou.host.acquaintances import PROTOCOL, SELF, Acquaintances
from bayou.host.addressbook import ADDRESSES_MAX, AddressBook, for_peer
from bayou.host.driver import Driver
from bayou.host.home import LostMemory
from bayou.host.messages import (
    AskPosition,
    AskRetire,
    AskStats,
    Denied,
    Directory,
    Entry,
    Granted,
    NameGiven,
    Ping,
    Pong,
    Position,
    Told,
)
from bayou.host.neighbours import Neighbours
from bayou.host.resolver import Resolver
from bayou.host.stats import stats_lines
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Failed
from bayou.net.address import is_loopback, is_wildcard, parse, shown
from bayou.net.link import HANDSHAKE_S
from bayou.net.network import Network
from bayou.node.forgetting import forgotten, heard_of
from bayou.node.life import NEW
from bayou.node.messages import AntiEntropy, Create, Join, Joined, News, Request, Retire, Retired
from bayou.wire.connection import Identity, Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.host.home import Home
    from bayou.machine.effects import Effects, Input
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.net.address import Address
    from bayou.net.tls import Tls
    from bayou.node.settings import Settings

    Tell = Callable[[str, str, dict[str, object]], None]
    """What is told of what happens: the level (debug, info, warning, error), the event, and its fields."""

INPUTS_MAX = 4096
"""How many inputs may share one transaction."""

SILENCE_S = 5.0
GONE_S = 15.0
"""After so long without anything from a peer it is pinged, and given up."""

ALONE_S = 1.0
"""How long a server that was not ended in good order waits for others, where there is no connection."""

FAREWELL_S = 2.0
"""How long a server that ends waits for its neighbours to pull."""

HELD_MAX = 1024
"""How many messages of clients may wait while nothing is to be accepted; they ask again."""

LOOK_S = 1.0
SILENT_PARTNER_S = 60.0


class Peer:
    """A connection: who is at its other end, when it was last pinged, and what it was sent of all there
    is."""

    __slots__ = ("heard_at", "is_near", "is_server", "pinged_at", "sent", "since", "stands", "who")

    def __init__(self, who: Identity, now: float, *, is_server: bool, is_near: bool) -> None:
        self.who = who
        self.is_server = is_server
        self.is_near = is_near
        self.since = now
        self.heard_at = now
        self.pinged_at: float | None = None
        self.stands: tuple[int, VersionVector] | None = None
        self.sent: tuple[int, VersionVector] | None = None


class Options:
    """What can be set for a station: ``listen``: where, None for nowhere; ``advertise``: what to tell others
    of that; ``joins``: servers to begin with, as HOST:PORT; ``has_thread``: whether names may be looked up in
    a thread of their own; ``waits``: whether it waits for others after it was not ended in good order."""

    def __init__(
        self,
        *,
        listen: Address | None = None,
        advertise: tuple[str, ...] = (),
        joins: tuple[str, ...] = (),
        has_thread: bool = True,
        waits: bool = True,
    ) -> None:
        self.listen = listen
        self.advertise = advertise
        self.joins = joins
        self.has_thread = has_thread
        self.waits = waits


def _nobody(level: str, event: str, fields: dict[str, object]) -> None:
    """Let nobody hear of anything."""


class Station:
    """A server that lasts, and its loop.

    ``machine`` is the server; ``peers`` has who is connected; ``address``: where it listens. ``has_ended``
    tells whether it has stopped, or retired, which ``has_retired`` tells.
    """

    def __init__(
        self,
        home: Home,
        secrets: tuple[bytes, ...],
        options: Options,
        settings: Settings,
        *,
        tls: Tls | None = None,
        tell: Tell = _nobody,
        observe: Callable[[Input, Effects], None] | None = None,
    ) -> None:
        """``secrets``: the first is used to dial, all are accepted. ``observe`` is told each input and what
        it brought about, once that is durable. OSError where nobody can listen at ``options.listen``."""
        now = monotonic()
        self.home = home
        self._rng = SystemRandom()
        self._options = options
        self._tell = tell
        self._observe = observe
        self.machine = home.server(settings, now)
        self.book = AddressBook(home.entries)
        own = None if self.machine.name is None else self.book.get(self.machine.name)
        if own is not None:
            self.machine.replica.clock.saw(own.version)
        me = Identity(home.cluster, self.machine.name, home.starts, self._rng.getrandbits(62), PROTOCOL)
        self._acquaintances = Acquaintances(home.link, me)
        self.network = Network(
            secrets[0], self, accepted=secrets[1:], gate=self._meet, tls=tls, silence_s=int(GONE_S)
        )
        self.driver = Driver(self.machine, self, INPUTS_MAX)
        self._resolver = Resolver(self.network, has_thread=options.has_thread)
        self.peers: dict[int, Peer] = {}
        self.address: Address | None = None
        self._neighbours = Neighbours(home.link, self._rng, options.joins, now)
        self._met: Introduce | None = None
        self._held: list[tuple[int, Message]] = []
        self._number = 0
        self._waiting_for: dict[int, Callable[[Message], None]] = {}
        self._alone_since = now
        self._was_member = self.machine.is_member
        self._name_told = self.machine.name
        self._vector_seen: VersionVector | None = None
        self._look_due = now
        self._stopping_until: float | None = None
        self.has_ended = False
        self.has_retired = False
        self._dials: dict[int, str] = {}
        try:
            self._begin(now)
        except BaseException:
            self.network.close()
            raise

    def _begin(self, now: float) -> None:
        options, machine = self._options, self.machine
        if options.listen is not None:
            self.address = self.network.listen(options.listen)
        if machine.name is None and not options.joins and machine.life.stage == NEW:
            self._belong(os.urandom(16).hex())
            self.order(Join(first=True), lambda answer: None)
        elif options.waits and not self.home.was_clean and machine.is_member:
            machine.is_unsure = True
            self._tell("info", "waits", {"why": "it was not ended in good order, and others may know more"})
        self._introduce()
        self._neighbours.learn(self.book.entries(), machine.name, now)

    # What whoever runs it uses.

    def turn(self, until: float | None = None) -> None:
        """Take in what comes, at the latest until that time (monotonic), or until something is to be done;
        then do it. StorageError where something can't be made durable, LostMemory where others know more of
        this server than it does: nobody has heard of anything then, and nothing is to be done with it any
        more but to close."""
        machine = self.machine
        self._do_what_is_due(monotonic())
        self.network.flush()
        self.network.wait(self._next_due(until))
        if machine.wake_at is not None and monotonic() >= machine.wake_at:
            self._step(Tick())
        while self.driver.has_pending:
            self.driver.settle()
        self._notice_changes(monotonic())
        self.network.flush()

    def order(self, order: Message, answered: Callable[[Message], None]) -> None:
        """Let the machine carry out an order; ``answered`` is called with the answer, from within a turn."""
        self._number += 1
        self._waiting_for[self._number] = answered
        self._step(Ordered(self._number, order))

    def stop(self, within_s: float = FAREWELL_S) -> None:
        """Take no more connections, let neighbours have what there is, and end: go on turning until
        ``has_ended``."""
        if self._stopping_until is None:
            self._stopping_until = monotonic() + within_s
            self.network.stop_listening()
            if self.machine.is_member:
                replica = self.machine.replica
                for id, peer in self.peers.items():
                    if peer.is_server and not self._has_all(peer):
                        self.network.send(id, News(replica.csn, replica.vector))

    def close(self, *, is_clean: bool = True) -> None:
        """Let what is queued leave, close all sockets, and let go of what it is kept in."""
        if is_clean:
            self.network.say_farewell()
        self._resolver.close()
        self.network.close()
        self.home.close(is_clean=is_clean)

    @property
    def me(self) -> Identity:
        """Who it is."""
        return self._acquaintances.me

    @property
    def known(self) -> list[Peer]:
        """Who is connected."""
        return list(self.peers.values())

    @property
    def is_serving(self) -> bool:
        """Whether it is a member, so that it serves clients."""
        return self.machine.is_member

    @property
    def is_stopping(self) -> bool:
        """Whether it has been told to stop."""
        return self._stopping_until is not None

    # Time.

    def _next_due(self, until: float | None) -> float | None:
        dues = (until, self.machine.wake_at, self._neighbours.due, self._look_due, self._stopping_until)
        return min(due for due in dues if due is not None)

    def _do_what_is_due(self, now: float) -> None:
        self.machine.wall_offset_s = (
            time() - now
        )  # read afresh: a laptop's may jump, and others' clocks are set
        if self._stopping_until is not None:
            self._look_whether_ended(now)
        else:
            for way in self._neighbours.turn(now):
                self._dial(way.number, way.address)
        if now >= self._look_due:
            self._look_due = now + LOOK_S
            self._look(now)
        if self.machine.is_unsure:
            self._look_whether_alone(now)

    def _look(self, now: float) -> None:
        """What is to be looked at each second."""
        self._look_for_room()
        for id, peer in list(self.peers.items()):
            heard_at = self.network.silent_since(id)
            if heard_at is None:
                continue
            if now - heard_at >= GONE_S:
                self._tell("info", "silent", {"peer": self._called(id), "seconds": round(now - heard_at, 1)})
                self.network.hang_up(id)
            elif now - heard_at >= SILENCE_S and (peer.pinged_at is None or peer.pinged_at < heard_at):
                peer.pinged_at = now
                self.network.send(id, Ping())
            elif peer.is_server and self._neighbours.is_too_many(id):
                self.network.hang_up(id)

    def _look_for_room(self) -> None:
        is_full = not self.home.has_room()
        if is_full != self.machine.is_full:
            self.machine.is_full = is_full
            if is_full:
                self._tell(
                    "warning",
                    "full",
                    {"place": self.home.place, "does": "takes no writes until there is room"},
                )
            else:
                self._tell("info", "room", {"place": self.home.place})

    def _look_whether_alone(self, now: float) -> None:
        """Nobody is there to say what was forgotten: go on without."""
        if self._has_company():
            self._alone_since = now
        elif now - self._alone_since >= ALONE_S:
            self._be_sure("nobody is there to ask")
        else:
            self._look_due = min(self._look_due, self._alone_since + ALONE_S)

    def _has_company(self) -> bool:
        return any(peer.is_server and peer.who.name is not None for peer in self.peers.values())

    def _be_sure(self, why: str) -> None:
        self.machine.is_unsure = False
        self._tell("info", "goes on", {"why": why})
        held, self._held = self._held, []
        for id, message in held:
            if id in self.peers:
                self._step(Received(id, message))
        self.machine.wake()

    def _look_whether_ended(self, now: float) -> None:
        is_over = self._stopping_until is not None and now >= self._stopping_until
        others = [peer for peer in self.peers.values() if peer.is_server and peer.who.name is not None]
        if is_over or (all(map(self._has_all, others)) and not self.network.has_unsent()):
            self.has_ended = True

    def _has_all(self, peer: Peer) -> bool:
        """Whether a server is known to have all that there is here, or was sent it."""
        if not self.machine.is_member:
            return True
        replica = self.machine.replica
        for stands in (peer.stands, peer.sent):
            if stands is not None and stands[0] >= replica.csn and stands[1].covers(replica.vector):
                return True
        return False

    # Who this is.

    def _belong(self, cluster: str) -> None:
        self.home.belong(cluster)
        me = self.me
        self._acquaintances.me = Identity(cluster, me.name, me.starts, me.boot, me.protocol, me.addresses)

    def _introduce(self) -> None:
        """Tell those who connect from now on who this is."""
        me, machine = self.me, self.machine
        entry = None if machine.name is None else self.book.get(machine.name)
        addresses = () if entry is None else entry.addresses
        self._acquaintances.me = Identity(
            me.cluster, machine.name, me.starts, me.boot, me.protocol, addresses
        )
        self.network.introduce_as(Introduce(self.home.link, True, machine.hello, self.me))

    def _addresses(self) -> tuple[str, ...]:
        """Return where others find this server."""
        if self._options.advertise or self.address is None:
            return self._options.advertise[:ADDRESSES_MAX]
        return () if is_wildcard(self.address[0]) else (shown(self.address),)

    def _notice_changes(self, now: float) -> None:
        """After a turn: what the machine has become, and what follows for where servers are found."""
        machine = self.machine
        name = machine.name
        if name is not None and name is not self._name_told:
            self._name_told = name
            self._tell("info", "named", {"name": name})
            self._introduce()
            for id, peer in self.peers.items():
                if peer.is_server:
                    self.network.send(id, NameGiven(name))
            self._neighbours.learn(self.book.entries(), name, now)
        if name is None or not machine.is_member:
            return
        if not self._was_member:
            self._was_member = True
            self._tell("info", "member", {"name": name, "csn": machine.replica.csn})
        vector = machine.replica.vector
        if vector is not self._vector_seen:
            self._vector_seen = vector
            gone = self.book.drop_gone(vector)
            if gone:
                self.home.keep_entries((), gone)
                self._neighbours.learn(self.book.entries(), name, now)
        self._write_own_entry(name, now)

    def _write_own_entry(self, name: Name, now: float) -> None:
        entry = self.book.get(name)
        addresses = self._addresses()
        if self.machine.replica.retired or (entry is not None and entry.addresses == addresses):
            return
        entry = Entry(name, self.machine.replica.clock.next(), addresses)
        self.book.put(entry)
        self.home.keep_entries((entry,))
        self._introduce()
        self._spread((entry,), now)

    def _spread(self, entries: tuple[Entry, ...], now: float, but: int | None = None) -> None:
        """Tell all who are connected of entries that are new."""
        for id, peer in self.peers.items():
            told = () if id == but else for_peer(entries, is_near=peer.is_near)
            if told:
                self.network.send(id, Directory(told))
        self._neighbours.learn(self.book.entries(), self.machine.name, now)

    # Connections.

    def _dial(self, number: int, address: str) -> None:
        self._dials[number] = address

        def found(place: Address | str) -> None:
            if isinstance(place, str):
                self.dialled(number, place)
            elif not self.has_ended:
                self.network.dial(number, place, 0.0, HANDSHAKE_S)

        self._resolver.find(parse(address), found)

    def _meet(self, peer: Introduce) -> str | None:
        """The gate of the network: whether there is to be a connection with this peer."""
        self._met = peer
        why = self._acquaintances.refuse(peer)
        who = peer.who
        if why is None and who is not None and not self.me.cluster and who.cluster and who.name is not None:
            self._belong(who.cluster)
            self._introduce()
        return why

    def linked(self, peer: Introduce) -> None:
        now, who = monotonic(), peer.who
        if who is None:
            return
        host = self.network.peer_host(peer.id)
        is_near = host is None or is_loopback(host)
        self.peers[peer.id] = Peer(who, now, is_server=peer.is_server, is_near=is_near)
        self._acquaintances.meet(who)
        self._tell("debug", "connected", {"peer": self._called(peer.id), "host": host})
        self._step(LinkUp(peer.id, peer.hello))
        told = for_peer(self.book.entries(), is_near=is_near)
        if told:
            self.network.send(peer.id, Directory(told))
        if peer.is_server:
            self._neighbours.linked(peer.id, who.name, now)
            if self.machine.life.stage == NEW and who.name is not None:
                self.order(Join(first=False), self._joined)

    def _joined(self, answer: Message) -> None:
        if isinstance(answer, Failed):
            self._tell("debug", "not joined", {"why": answer.why})
        elif not isinstance(answer, Joined):
            self._tell("error", "not joined", {"why": type(answer).__name__})

    def unlinked(self, peer: int) -> None:
        now = monotonic()
        self._tell("debug", "disconnected", {"peer": self._called(peer)})
        if self.peers.pop(peer, None) is None:
            return
        self._step(LinkDown(peer))
        self._neighbours.unlinked(peer, now)
        if not self._has_company():
            self._alone_since = now

    def dialled(self, number: int, failure: str | None) -> None:
        now = monotonic()
        address = self._dials.pop(number, "")
        if failure is None and self._met is not None:
            self._neighbours.succeeded(number, self._met.id, now)
            return
        failure = failure or "the connection ended"
        _, is_new = self._neighbours.failed(number, failure, now, is_me=failure.endswith(SELF))
        if is_new and not failure.endswith(SELF):
            hint = "; is the secret the same at both ends?" if failure.endswith("handshake was over") else ""
            level = "warning" if "handshake" in failure or "turned" in failure else "info"
            self._tell(level, "unreachable", {"address": address, "why": failure + hint})

    def _called(self, id: int) -> str:
        peer = self.peers.get(id)
        if peer is None:
            return "?"
        return ("server " if peer.is_server else "client ") + (
            f"{id:x}" if peer.who.name is None else repr(peer.who.name)
        )

    # What comes in.

    def received(self, peer: int, message: Message) -> None:
        try:
            self._take_in(peer, message)
        except PeerError as error:
            self.network.hang_up(peer, str(error))

    def _take_in(self, id: int, message: Message) -> None:
        peer = self.peers.get(id)
        if peer is None:
            return
        if isinstance(message, Ping):
            self.network.send(id, Pong())
        elif isinstance(message, Pong):
            pass
        elif isinstance(message, Directory):
            self._take_directory(id, message)
        elif isinstance(message, NameGiven):
            self._take_name(id, peer, message.name)
        elif peer.is_server:
            self._take_from_server(id, peer, message)
        elif self.machine.is_unsure and isinstance(message, Request):
            self._hold(id, message)
        elif isinstance(message, AskPosition | AskRetire | AskStats):
            self._answer(id, message)
        else:
            self._step(Received(id, message))

    def _take_from_server(self, id: int, peer: Peer, message: Message) -> None:
        machine = self.machine
        if machine.is_member:
            lost = forgotten(machine.replica, message)
            if lost is not None:
                raise LostMemory(
                    f"{self.home.place} is older than what this server told others: {self._called(id)} "
                    "knows of it "
                    f"{lost}; put the file back as it was when the server last ran, or give it up: `bayou "
                    "rejoin "
                    f"{self.home.place} --join HOST:PORT` makes a new server of what it has"
                )
        if machine.is_unsure and isinstance(message, Create):
            self._hold(id, message)
            return
        self._step(Received(id, message))
        stands = heard_of(message)
        if stands is not None:
            peer.stands, peer.heard_at = stands, monotonic()
            if machine.is_unsure and id in self.peers:
                self._be_sure(f"{self._called(id)} knows no more of it")

    def _answer(self, id: int, message: AskPosition | AskRetire | AskStats) -> None:
        """Answer a program that is no client of the store."""
        machine, serial = self.machine, message.serial

        def retired(answer: Message) -> None:
            is_done = isinstance(answer, Retired)
            why = answer.why if isinstance(answer, Failed) else type(answer).__name__
            self.network.send(id, Granted(serial) if is_done else Denied(serial, why))

        if not machine.is_member:
            self.network.send(id, Denied(serial, "it is no member of its cluster yet"))
        elif isinstance(message, AskRetire):
            self.order(Retire(), retired)
        elif isinstance(message, AskStats):
            self.network.send(id, Told(serial, stats_lines(self)))
        else:
            self.network.send(id, Position(serial, machine.replica.csn, machine.replica.vector))

    def _hold(self, id: int, message: Message) -> None:
        if len(self._held) < HELD_MAX:
            self._held.append((id, message))

    def _take_directory(self, id: int, message: Directory) -> None:
        if not self.peers[id].is_server:
            raise PeerError("a client that tells where servers are")
        machine = self.machine
        vector = machine.replica.vector if machine.is_member else None
        new = self.book.merge(message.entries, machine.name, vector)
        if new:
            self.home.keep_entries(new)
            self._spread(tuple(new), monotonic(), but=id)

    def _take_name(self, id: int, peer: Peer, name: Name) -> None:
        who = peer.who
        if not peer.is_server or who.name is not None:
            raise PeerError(f"it says that it is called {name}")
        named = Identity(self.me.cluster, name, who.starts, who.boot, who.protocol, who.addresses)
        why = self._acquaintances.refuse(Introduce(id, True, None, named))
        if why is not None:
            raise PeerError(why)
        peer.who = named
        self._acquaintances.meet(named)
        self.machine.meet(id, name)
        self._neighbours.linked(id, name, monotonic())

    def complain(self, sort: str, line: str) -> None:
        self._tell("debug" if line.endswith(SELF) else "warning", sort, {"what": line})

    def relieved(self) -> None:
        """What was freed is kept by the C library for what comes."""

    # The machine, and the Place of its driver.

    def _step(self, given: Input) -> None:
        self.driver.step(monotonic(), given)
        if self.driver.is_urgent:
            self.driver.settle()

    def make_durable(self, records: list[Durable]) -> None:
        self.home.keep(records)

    def witness(self, given: Input, effects: Effects) -> None:
        if self._observe is not None:
            self._observe(given, effects)

    def send(self, peer: int, message: Message) -> None:
        if isinstance(message, AntiEntropy) and message.end is not None:
            at = self.peers.get(peer)
            if at is not None:
                at.sent = message.end.csn, message.end.vector
        self.network.send(peer, message)

    def answer(self, number: int, message: Message) -> None:
        self._waiting_for.pop(number)(message)

    def drop(self, peer: int, why: str) -> None:
        self.network.hang_up(peer, why)

    def leave(self) -> None:
        self.has_ended = self.has_retired = True

    def crash(self) -> None:
        """No server of the store fails on purpose."""
