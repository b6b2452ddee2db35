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

from bayou._record import Record
from bayou.core.errors import PeerError
from bayou.host.acquaintances import PROTOCOL, SELF, Acquaintances
from bayou.host.circle import GONE_S, Peer
from bayou.host.doubt import Doubt
from bayou.host.driver import Driver
from bayou.host.listing import Listing
from bayou.host.lookout import Lookout
from bayou.host.messages import (
    AskCarried,
    AskGroup,
    AskPosition,
    AskRetire,
    AskStats,
    Carried,
    Denied,
    Directory,
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
from bayou.machine.messages import Done, Failed
from bayou.net.address import is_loopback, parse
from bayou.net.link import HANDSHAKE_S
from bayou.net.network import Network
from bayou.node.forgetting import forgotten, heard_of, settles_doubt
from bayou.node.life import NEW
from bayou.node.messages import (
    AntiEntropy,
    CanImport,
    Create,
    Export,
    Import,
    Join,
    News,
    Request,
    Retire,
    Retired,
    SetGroup,
    WhereIs,
)
from bayou.storage.store import LostMemory
from bayou.wire.connection import Identity, Introduce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol, TypeVar

    from bayou.core.functions import Functions
    from bayou.core.name import Name
    from bayou.core.replica import Replica
    from bayou.host.addressbook import AddressBook
    from bayou.host.home import Home
    from bayou.machine.effects import Effects, Input
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.net.address import Address
    from bayou.net.tls import Tls
    from bayou.node.settings import Settings

    Made = TypeVar("Made")
    Tell = Callable[[str, str, dict[str, object]], None]
    """What is told of what happens: the level (debug, info, warning, error), the event, and its fields."""

    class Observer(Protocol):
        """Who wants to know what a station does."""

        def stepped(self, given: Input, effects: Effects) -> None:
            """An input was processed, and brought this about, which is durable."""

        def kept(self, records: Sequence[Durable], seconds: float) -> None:
            """That was made durable, and took so long."""


CARRYING = (Export, Import, CanImport, WhereIs)
INPUTS_MAX = 4096
"""How many inputs may share one transaction."""

MESSAGES_A_TURN = 512
STREAM_TURN_S = 0.005
"""How much of what one connection holds is taken in a turn: as many sessions may share it, what they have
asked should go into one transaction."""

FAREWELL_S = 2.0
"""How long a server that ends waits for its neighbours to pull."""


class Options(Record):
    """What can be set for a station.

    ``listen``: where, in numbers, None for nowhere; ``advertise``: what to tell others of that, as HOST:PORT;
    ``joins``: servers to begin with; ``has_thread``: whether names may be looked up in a thread of their own;
    ``waits``: whether it waits for others after it was not ended in good order; ``dials``: whether it
    connects to others by itself, and not only where ``call`` says so.
    """

    listen: Address | None = None
    advertise: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    has_thread: bool = True
    waits: bool = True
    dials: bool = True


def tell_nobody(level: str, event: str, fields: dict[str, object]) -> None:
    """Let nobody hear of anything."""


class Station:
    """A server that lasts, and its loop.

    ``machine`` is the server, ``home`` what it is kept in, ``network`` its sockets; ``peers`` has who is
    connected; ``address``: where it listens. ``has_ended`` tells whether it has stopped, or retired:
    ``has_retired``.
    """

    def __init__(
        self,
        home: Home,
        secrets: tuple[bytes, ...],
        options: Options,
        settings: Settings,
        *,
        tls: Tls | None = None,
        tell: Tell = tell_nobody,
        observer: Observer | None = None,
        functions: Functions | None = None,
    ) -> None:
        """``secrets``: the first is used to dial, all are accepted; ``functions``: those that general writes
        may call here. OSError where nobody can listen there, MissingFunction where a function is missing."""
        now = monotonic()
        self.home = home
        self.secrets = secrets
        self.machine = home.server(settings, now, functions)
        self.peers: dict[int, Peer] = {}
        self.address: Address | None = None
        self.has_ended = False
        self.has_retired = False
        self._options = options
        self._tell = tell
        self._observer = observer
        rng = SystemRandom()
        me = Identity(home.cluster, self.machine.name, home.starts, rng.getrandbits(62), PROTOCOL)
        self._acquaintances = Acquaintances(home.link, me)
        self.network = Network(
            secrets[0],
            self,
            silence_s=int(GONE_S),
            accepted=secrets[1:],
            gate=self._meet,
            tls=tls,
            messages_a_turn=MESSAGES_A_TURN,
            stream_turn_s=STREAM_TURN_S,
        )
        self.driver = Driver(self.machine, self, INPUTS_MAX)
        self._resolver = Resolver(self.network, has_thread=options.has_thread)
        self._neighbours = Neighbours(home.link, rng, options.joins, now)
        self._listing = Listing(home, self.machine, self.peers, self.network.send, self._addresses_changed)
        self._lookout = Lookout(
            home, self.machine, self.network, self.peers, self._neighbours.is_too_many, tell, now
        )
        was_cut_off = not home.was_clean and self.machine.is_member and options.waits
        self._doubt = Doubt(now, is_on=was_cut_off)
        self.machine.is_unsure = was_cut_off
        self._held_orders: list[tuple[Message, Callable[[Message], None]]] = []
        self._met: Introduce | None = None
        self._dials: dict[int, str] = {}
        self._calls: dict[int, Callable[[int | str], None]] = {}
        self._dials_others = options.dials
        self._before_secluded: bool | None = None
        self._number = 0
        self._waiting_for: dict[int, Callable[[Message], None]] = {}
        self._name_told = self.machine.name
        self._was_member = self.machine.is_member
        self._lacking_told: set[tuple[str, int]] = set()
        self._stopping_until: float | None = None
        try:
            self._begin()
        except BaseException:
            self._resolver.close()
            self.network.close()
            raise

    def _begin(self) -> None:
        options, machine = self._options, self.machine
        if options.listen is not None:
            self.address = self.network.listen(options.listen)
        if machine.name is None and not options.joins and machine.life.stage == NEW:
            self._belong(os.urandom(16).hex())
            self.order(Join(first=True), lambda answer: None)
        if self._doubt.is_on:
            self._tell("info", "waits", {"why": "it was not ended in good order; others may know more of it"})
        self._addresses_changed()

    # What whoever runs it uses.

    def turn(self, until: float | None = None) -> None:
        """Take in what comes, at the latest until that time (monotonic), or until something is to be done;
        then do it. StorageError where something can't be made durable, LostMemory where others know more of
        this server than it does: nobody has heard of anything then, and nothing is to be done with it but to
        close."""
        machine = self.machine
        self._do_what_is_due(monotonic())
        self.network.flush()
        self.network.wait(self._next_due(until))
        if machine.wake_at is not None and monotonic() >= machine.wake_at:
            self._step(Tick())
        while self.driver.has_pending:
            self.driver.settle()
        if not self.has_ended:
            self._notice_changes()
        self.network.flush()

    def rest_s(self, until: float | None = None) -> float:
        """Return for how many seconds there is nothing to do unless something comes in, which shows at
        ``network.fileno()``: a ``turn`` is due then."""
        due = self._next_due(until)
        return 0.0 if self.driver.has_pending else self.network.rest_s(due)

    def use(self, does: Callable[[Replica], Made]) -> Made:
        """Let the program that runs this server use its replica; what that has changed is durable when this
        returns, and is told to whoever is connected. Errors as of ``turn``; none of its own may come once
        something is changed."""
        self.machine.wall_offset_s = time() - monotonic()
        made = does(self.machine.replica)
        self._step(Tick())
        while self.driver.has_pending:
            self.driver.settle()
        self.network.flush()
        return made

    def call(self, address: str, came: Callable[[int | str], None]) -> None:
        """Connect to the server at an address (HOST:PORT), once; ``came`` is told its id, or why there is no
        connection, from within a turn."""
        self._number += 1
        self._calls[-self._number] = came
        self._dial(-self._number, address)

    def dial_others(self, addresses: Iterable[str]) -> None:
        """Connect from now on, again and again, to the servers at these addresses (HOST:PORT) and to all that
        are known."""
        self._dials_others = True
        self._neighbours.add(addresses, monotonic())

    def order(self, order: Message, answered: Callable[[Message], None]) -> None:
        """Let the machine carry out an order; ``answered`` is called with the answer, from within a turn. One
        that makes it accept a write waits as long as it may have forgotten something."""
        if self._doubt.is_on and isinstance(order, Retire | SetGroup):
            self._held_orders.append((order, answered))
            return
        self._number += 1
        self._waiting_for[self._number] = answered
        self._step(Ordered(self._number, order))

    def seclude(self) -> None:
        """Be connected with nobody, and take no connections, until ``come_back``."""
        self._before_secluded, self._dials_others = self._dials_others, False
        self.network.stop_listening()
        for peer in list(self.peers):
            self.network.hang_up(peer)

    def come_back(self) -> None:
        """Be there again for others, where this station is secluded. Raises OSError where its address has
        been taken meanwhile."""
        before, self._before_secluded = self._before_secluded, None
        if before is not None:
            self._dials_others = before
            if self.address is not None:
                self.address = self.network.listen(self.address)

    def stop(self, within_s: float = FAREWELL_S) -> None:
        """Take no more connections, let neighbours have what there is, and end: go on turning until
        ``has_ended``."""
        if self._stopping_until is not None:
            return
        self._stopping_until = monotonic() + within_s
        self.network.stop_listening()
        if self.machine.is_member:
            replica = self.machine.replica
            for id, peer in self.peers.items():
                if peer.is_company and not peer.has_all(replica):
                    self.network.send(id, News(replica.csn, replica.vector))

    def close(self, *, is_clean: bool = True) -> None:
        """Let what is queued leave, close all sockets, and let go of what it is kept in."""
        if is_clean:
            self.network.say_farewell()
        self._resolver.close()
        self.network.close()
        self.home.close(is_clean=is_clean)

    @property
    def place(self) -> str:
        """Where it is kept, for people."""
        return self.home.place

    def disown(self) -> None:
        """In the child of a fork: let go of what keeps others from the file."""
        self.home.disown()

    @property
    def me(self) -> Identity:
        """Who it is."""
        return self._acquaintances.me

    @property
    def book(self) -> AddressBook:
        """Where servers are found."""
        return self._listing.book

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

    def _next_due(self, until: float | None) -> float:
        due = self._lookout.due
        for other in (
            until,
            self.machine.wake_at,
            None if self.is_stopping or not self._dials_others else self._neighbours.due,
            self._doubt.due,
            self._stopping_until,
        ):
            if other is not None and other < due:
                due = other
        return due

    def _do_what_is_due(self, now: float) -> None:
        self.machine.wall_offset_s = time() - now  # read afresh: clocks are set, and laptops sleep
        if self._stopping_until is not None:
            self._look_whether_ended(now)
        elif self._dials_others:
            for way in self._neighbours.turn(now):
                self._dial(way.number, way.address)
        if self._doubt.is_on and self._doubt.is_alone(now, has_company=self._has_company()):
            self._be_sure("nobody is there to ask")
        self._lookout.look(now)

    def _has_company(self) -> bool:
        return any(peer.is_company for peer in self.peers.values())

    @property
    def is_in_doubt(self) -> bool:
        """Whether it waits for others, as it was not ended in good order."""
        return self._doubt.is_on

    def _look_whether_sure(self, message: Message, why: str) -> None:
        """Another server has said where it stands. Without room this one pulls nothing, so that no exchange
        has an end. Where it lacks a function none may have either: it goes on then, and does not vote."""
        machine = self.machine
        is_settled = machine.is_full or settles_doubt(machine.replica, message)
        if self._doubt.is_on and (is_settled or machine.lacking):
            self._be_sure(why, votes=is_settled)
        elif is_settled:
            machine.is_unsure = False
            machine.wake()

    def _be_sure(self, why: str, *, votes: bool = True) -> None:
        """There is no reason left to believe that something was forgotten, its vote included where ``votes``
        is set."""
        self._tell("info", "goes on", {"why": why})
        self.machine.is_unsure = not votes
        for id, message in self._doubt.end():
            if id in self.peers:
                self._step(Received(id, message))
        held, self._held_orders = self._held_orders, []
        for order, answered in held:
            self.order(order, answered)
        self.machine.wake()

    def _look_whether_ended(self, now: float) -> None:
        is_over = self._stopping_until is not None and now >= self._stopping_until
        machine = self.machine
        is_level = not machine.is_member or all(
            peer.has_all(machine.replica) for peer in self.peers.values() if peer.is_company
        )
        if is_over or (is_level and not self.network.has_unsent()):
            self.has_ended = True

    # Who this is.

    def _belong(self, cluster: str) -> None:
        self.home.belong(cluster)
        me = self.me
        self._acquaintances.me = Identity(cluster, me.name, me.starts, me.boot, me.protocol, me.addresses)

    def _introduce(self) -> None:
        """Tell those who connect from now on who this is."""
        me, machine = self.me, self.machine
        now = Identity(me.cluster, machine.name, me.starts, me.boot, me.protocol, self._listing.own)
        self._acquaintances.me = now
        self.network.introduce_as(Introduce(self.home.link, True, machine.hello, now))

    def _addresses_changed(self) -> None:
        self._introduce()
        self._neighbours.learn(self.book.entries(), self.machine.name, monotonic())

    def _is_nameless_to(self, id: int) -> bool:
        """Whether a peer was told when they met that this server has no name yet."""
        told = self.network.told(id)
        return told is not None and told.who is not None and told.who.name is None

    def _notice_changes(self) -> None:
        """After a turn: what the machine has become, and what follows for where servers are found."""
        machine = self.machine
        name = machine.name
        if name is None:
            return
        if name is not self._name_told:
            self._name_told = name
            self._tell("info", "named", {"name": name})
            self._addresses_changed()
            for id, peer in self.peers.items():
                if peer.is_server:
                    self.network.send(id, NameGiven(name))
        if machine.is_member:
            if not self._was_member:
                self._was_member = True
                self._tell("info", "member", {"name": name, "csn": machine.replica.csn})
            self._listing.update(name, self._options.advertise, self.address)
        for other, missing in machine.lacking:
            function = missing.function, missing.version
            if function not in self._lacking_told:
                self._lacking_told.add(function)
                self._tell(
                    "warning",
                    "function missing",
                    {
                        "function": " ".join(map(str, function)),
                        "from": other,
                        "why": "a write calls it; it and all behind it are not taken over",
                        "remedy": "start this server again with --functions FILE that has it",
                    },
                )

    # Connections.

    def _dial(self, number: int, address: str) -> None:
        self._dials[number] = address

        def found(place: Address | str) -> None:
            if isinstance(place, str):
                self.dialled(number, place)
            elif not self.is_stopping:
                self.network.dial(number, place, 0.0, HANDSHAKE_S)

        self._resolver.find(parse(address), found)

    def _meet(self, peer: Introduce) -> str | None:
        """The gate of the network: whether there is to be a connection with this peer."""
        self._met = peer
        why, who = self._acquaintances.refuse(peer), peer.who
        if why is None and who is not None and not self.me.cluster and who.cluster and who.name is not None:
            self._belong(who.cluster)
            self._introduce()
        return why

    def linked(self, peer: Introduce) -> None:
        now, who, id = monotonic(), peer.who, peer.id
        if who is None:
            return
        host = self.network.peer_host(id)
        is_near = host is None or is_loopback(host)
        self.peers[id] = Peer(who, now, is_server=peer.is_server, is_near=is_near)
        self._acquaintances.meet(who)
        self._tell("debug", "connected", {"peer": self._called(id), "host": host})
        self._step(LinkUp(id, peer.hello))
        if peer.is_server and self._name_told is not None and self._is_nameless_to(id):
            self.network.send(id, NameGiven(self._name_told))  # it came while they were shaking hands
        self._listing.greet(id)
        if peer.is_server:
            self._neighbours.linked(id, who.name, now)
            if self.machine.life.stage == NEW and who.name is not None:
                self.order(Join(first=False), self._joined)

    def _joined(self, answer: Message) -> None:
        if isinstance(answer, Failed):
            self._tell("debug", "not joined", {"why": answer.why})

    def unlinked(self, peer: int) -> None:
        self._tell("debug", "disconnected", {"peer": self._called(peer)})
        if self.peers.pop(peer, None) is not None:
            self._step(LinkDown(peer))
            self._neighbours.unlinked(peer, monotonic())

    def dialled(self, number: int, failure: str | None) -> None:
        now = monotonic()
        address = self._dials.pop(number, "")
        came = self._calls.pop(number, None)
        if came is not None:
            is_up = failure is None and self._met is not None
            came(self._met.id if is_up and self._met is not None else failure or "the connection ended")
            return
        if failure is None and self._met is not None:
            self._neighbours.succeeded(number, self._met.id, now)
            return
        failure = failure or "the connection ended"
        is_me = failure.endswith(SELF)
        is_new = self._neighbours.failed(number, failure, now, is_me=is_me)
        if is_new and not is_me:
            hint = "; is the secret the same at both ends?" if failure.endswith("handshake was over") else ""
            level = "warning" if "handshake" in failure or "turned" in failure else "info"
            self._tell(level, "unreachable", {"address": address, "why": failure + hint})

    def _called(self, id: int) -> str:
        peer = self.peers.get(id)
        return "?" if peer is None else peer.called(id)

    # What comes in.

    def received(self, peer: int, message: Message) -> None:
        try:
            self._take_in(peer, message)
        except PeerError as error:
            self.network.hang_up(peer, str(error))

    def _take_in(self, id: int, message: Message) -> None:
        peer = self.peers.get(id)
        if peer is None or isinstance(message, Pong):
            return
        if isinstance(message, Ping):
            self.network.send(id, Pong())
        elif isinstance(message, Directory):
            self._listing.take_in(id, message)
        elif isinstance(message, NameGiven):
            self._take_name(id, peer, message.name)
        elif peer.is_server:
            self._take_from_server(id, peer, message)
        elif isinstance(message, AskPosition | AskRetire | AskGroup | AskStats | AskCarried):
            self._answer(id, message)
        elif self._doubt.is_on and isinstance(message, Request):
            self._doubt.hold(id, message)
        else:
            self._step(Received(id, message))

    def _take_from_server(self, id: int, peer: Peer, message: Message) -> None:
        machine = self.machine
        if machine.is_member and peer.is_company:
            vote = None if machine.voting is None else machine.voting.own
            lost = forgotten(machine.replica, message, vote)
            if lost is not None:
                place = self.home.place
                raise LostMemory(
                    f"{place} is older than what this server has told others: {self._called(id)} knows of "
                    f"{lost}; put "
                    "the file back as it was when the server last ran or, where it is lost, give it up: "
                    "`bayou rejoin "
                    f"{place} --join HOST:PORT` makes a new server of what it has"
                )
        if self._doubt.is_on and isinstance(message, Create):
            self._doubt.hold(id, message)  # a primary commits the creation, and all that it holds
            return
        self._step(Received(id, message))
        stands = heard_of(message)
        if stands is not None and id in self.peers:
            peer.stands, peer.heard_at = stands, monotonic()
            if machine.is_unsure:
                self._look_whether_sure(message, f"{self._called(id)} knows no more of it")

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

    def _answer(self, id: int, message: AskPosition | AskRetire | AskGroup | AskStats | AskCarried) -> None:
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
        elif isinstance(message, AskGroup):
            self._answer_of_group(id, message)
        elif isinstance(message, AskStats):
            self.network.send(id, Told(serial, stats_lines(self)))
        elif isinstance(message, AskCarried):
            if type(message.order) not in CARRYING:
                raise PeerError(f"{type(message.order).__name__} is no order about files")
            self.order(message.order, lambda answer: self.network.send(id, Carried(serial, answer)))
        else:
            self.network.send(id, Position(serial, machine.replica.csn, machine.replica.vector))

    def _answer_of_group(self, id: int, message: AskGroup) -> None:
        """Tell of the commit group, when it has been changed where that is wanted."""
        from bayou.host.grouptold import changed_lines, group_lines  # seldom asked for

        serial = message.serial

        def changed(answer: Message) -> None:
            is_done = isinstance(answer, Done)
            why = answer.why if isinstance(answer, Failed) else type(answer).__name__
            told = Told(serial, changed_lines(self)) if is_done else Denied(serial, why)
            self.network.send(id, told)

        if message.members:
            self.order(SetGroup(message.members, message.epoch), changed)
        else:
            self.network.send(id, Told(serial, group_lines(self)))

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
        began = monotonic()
        self.home.keep(records)
        if self._observer is not None:
            self._observer.kept(records, monotonic() - began)

    def witness(self, given: Input, effects: Effects) -> None:
        if self._observer is not None:
            self._observer.stepped(given, effects)

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
