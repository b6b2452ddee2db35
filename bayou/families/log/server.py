"""A server of a log as a machine: a LogNode, the clients connected to it, and the orders of a master."""

from __future__ import annotations

from bayou.families.log.bundles import KINDS, bundle, unbundle
from bayou.families.log.messages import (
    Answered,
    AtRest,
    BeServer,
    Bundle,
    Client,
    Knows,
    Lead,
    Leaders,
    Page,
    Plant,
    Read,
    Redirect,
    Rested,
    Server,
    Skipped,
    SkipSlots,
    Spread,
    Stand,
    Standing,
    Submit,
    TellLeaders,
    Told,
    TooOld,
)
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Done, Failed, Links, Probe, Waiting
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects as LogEffects
from bayou.paxos.log import inputs as log_inputs
from bayou.paxos.log.leading import IDLE
from bayou.paxos.log.ledger import size_of
from bayou.paxos.log.messages import Accept, Ask, Command, Decide, Decree, LogMessage, NoOp
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.options import LogOptions
from bayou.paxos.log.snapshots import part_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import ClassVar, Protocol

    from bayou.machine.effects import Input
    from bayou.machine.machine import Surroundings
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

    LogStep = tuple[log_inputs.Input, LogEffects]

    class Service(Protocol):
        """What a server makes of the commands itself, so that it can tell in a snapshot what they came to."""

        def take(self, slot: int, client: int, number: int, text: str) -> None:
            """A command is applied; told in the order of slots, at most once for a client's number."""

        def dump(self) -> str:
            """Return what all commands so far came to."""

        def load(self, state: str) -> None:
            """Take what ``dump`` returned elsewhere in place of all that was applied here; BayouError where
            it is none."""


SERVER = Server()
HASTE = 3
"""So many times sooner, what was not answered is said a third time, and so on: where one message gets lost,
more do."""

TOLD_MAX = 64
TOLD_BYTES = 64 << 10
"""How many decrees a client is told in one message, and about how many bytes of them, and of a snapshot."""


class ServerEffects(Effects):
    """The effects of a step of a server; ``log``: what its LogNode was given in it, and what came of that."""

    __slots__ = ("log",)

    def __init__(self) -> None:
        super().__init__()
        self.log: list[LogStep] = []


class Seat:
    """A client that is connected here: who it is, whether it watches, and whether it has said what it knows:
    all slots below ``first``, and those ``above``; ``missing``: what it is to know, and has not said that it
    knows; ``told``: what of that is on its way, and is said again only when it is time."""

    __slots__ = ("above", "client", "first", "is_heard", "missing", "told", "watches")

    def __init__(self, client: int, watches: bool) -> None:
        self.client = client
        self.watches = watches
        self.is_heard = False
        self.first = 0
        self.above: dict[int, None] = {}
        self.missing: dict[int, None] = {}
        self.told: dict[int, None] = {}

    def hear(self, first: int, above: Iterable[int]) -> None:
        """It says what it knows, or, where that comes late, what it knew: a client forgets nothing."""
        self.first = max(first, self.first)
        known = sorted(slot for slot in (*self.above, *above) if slot >= self.first)
        self.above = dict.fromkeys(known)
        self.is_heard = True


class LogServer:
    """- ``log``: its part of the log; ``seats``: the clients that are connected, by address;
    - ``bomb``: after how many more Accepts and Decides it crashes, None for never;
    - ``service``: what the commands come to, None where clients alone make something of them, and no
      snapshot is taken.

    Where it has no clock it says again what was not answered only while somebody waits for everything to
    come to rest.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = (
        "_settings", "_is_free", "_retry_at", "_now", "_held_at", "_led", "_behind", "_mark", "_unsure",
        "_places", "_watching",
    )  # fmt: skip
    TAGS: ClassVar[tuple[str, ...]] = ("_waiters", "_watchers")
    is_server = True
    hello = SERVER

    def __init__(
        self,
        address: int,
        what: BeServer,
        around: Surroundings,
        records: Iterable[Durable] = (),
        service: Service | None = None,
    ) -> None:
        self.id = address
        self._settings = what
        self._is_free = what.heartbeat_s is not None
        options = LogOptions(
            what.heartbeat_s,
            what.election_s,
            window=what.window,
            in_flight=None if self._is_free else 1,
            snapshot_every=None if service is None else what.snapshot_every,
        )
        self.log = LogNode(address, what.servers, options, around.rng, records)
        self.service = service
        self._restored = self.log.replay()
        for answer in self._restored:
            self._serve(answer)
        is_new = self.log.first == 0 and self.log.ledger.promised == Ballot.NONE
        self._leads_first = what.leads_first and is_new
        self._skips = what.skips
        self.seats: dict[int, Seat] = {}
        self.servers: dict[int, None] = {}
        self._places: dict[int, dict[int, None]] = {}  # the addresses of each client
        self._watching: dict[int, Seat] = {}  # those of the seats that watch
        self._behind: dict[int, None] = {}  # the clients that lack something
        self._mark: tuple[int, int] | None = None  # how much was known when all servers were behind, and
        self._unsure: list[int] = []  # those of them that may be so still
        self.bomb: int | None = None
        self._led: dict[Ballot, None] = {}
        self._retry_at: float | None = None
        self._now = around.now
        self._live: tuple[int, ...] = ()
        self._held: list[tuple[int, Message]] = []
        self._held_at: float | None = None
        self._waiters: dict[tuple[str, int, int], None] = {}
        self._watchers: list[tuple[int, Standing]] = []

    @property
    def wake_at(self) -> float | None:
        """When it wants a Tick."""
        times = [time for time in (self.log.wake_at, self._retry_at, self._held_at) if time is not None]
        return min(times) if times else None

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return Links(peers, dialling)

    def check(self) -> None:
        """Raise InvariantBroken where its state contradicts itself."""
        self.log.check()

    def step(self, now: float, given: Input) -> ServerEffects:
        """Process one input."""
        effects = ServerEffects()
        self._now = now
        if self._restored:
            effects.log.append((log_inputs.Tick(), _told(self._restored)))
            self._restored = []
        if self._leads_first:
            self._leads_first = False
            self._run(log_inputs.BecomeLeader(), effects)
        if isinstance(given, Received):
            self._receive(given.peer, given.message, effects)
        elif isinstance(given, LinkUp):
            self._link(given.peer, given.hello, effects)
        elif isinstance(given, LinkDown):
            self._unseat(given.peer)
            self._waiters = {waiter: None for waiter in self._waiters if waiter[:2] != ("client", given.peer)}
            if given.peer in self.servers:
                del self.servers[given.peer]
                self._mark = None
                self._run(log_inputs.LinkDown(given.peer), effects)
        elif isinstance(given, Ordered):
            self._obey(given.number, given.order, effects)
        elif isinstance(given, Tick):
            self._tick(effects)
        if effects.crash:
            effects.answers.clear()
        else:
            self._look_round(effects)
        if self._is_free:
            self._hold(effects, is_over=effects.crash or isinstance(given, Tick))
        return effects

    def _hold(self, effects: ServerEffects, *, is_over: bool) -> None:
        """Keep what can go together with more until all that has come in is processed (``is_over``)."""
        if effects.sends:
            others: list[tuple[int, Message]] = []
            for send in effects.sends:
                (self._held if type(send[1]) in KINDS else others).append(send)
            effects.sends = others
        if is_over:
            effects.sends += bundle(self._held)
            self._held = []
        self._held_at = self._now if self._held else None

    # The log.

    def _run(self, given: log_inputs.Input, effects: ServerEffects, *, counts: bool = True) -> LogEffects:
        """Let the log take an input. The clients are told before anything else is sent; ``counts``: whether
        Accepts and Decides that are sent now bring a bomb nearer."""
        if effects.crash:
            return LogEffects()  # it is dead, and hears nothing more
        made = self.log.step(self._now, given)
        effects.log.append((given, made))
        self._led[self.log.leader_ballot] = None
        effects.durable += made.durable
        if made.answers:
            self._pass_on(made.answers, effects)
        if self.bomb is None:
            effects.sends += made.sends
        for peer, message in made.sends if self.bomb is not None else ():
            if effects.crash:
                break
            effects.sends.append((peer, message))
            if counts and self.bomb is not None and isinstance(message, (Accept, Decide)):
                self.bomb -= 1
                effects.crash = self.bomb <= 0
        for answer in made.answers:
            self._follow_up(answer, effects)
        return made

    def _pass_on(self, answers: Sequence[log_inputs.Answer], effects: ServerEffects) -> None:
        """Tell the clients and the service what has come of a step of the log."""
        if self._watching:
            chosen = [answer for answer in answers if type(answer) is log_inputs.Chosen]
            if chosen:
                self._tell_all([Decree(answer.slot, answer.value) for answer in chosen], effects)
        for answer in answers:
            if isinstance(answer, log_inputs.Done):
                self._tell_client(answer.client, Answered(answer.number, answer.slot), effects)
            elif isinstance(answer, log_inputs.Refused):
                self._tell_client(answer.client, TooOld(answer.number), effects)
            else:
                self._serve(answer)

    def _serve(self, answer: log_inputs.Answer) -> None:
        """Let the service, where there is one, take what concerns it."""
        if self.service is None:
            return
        if isinstance(answer, log_inputs.Applied):
            self.service.take(answer.slot, answer.client, answer.number, answer.command)
        elif isinstance(answer, log_inputs.Install):
            self.service.load(answer.state)

    def _follow_up(self, answer: log_inputs.Answer, effects: ServerEffects) -> None:
        """What an answer of the log asks for comes right after the step that it came of: the service has
        applied all slots below that of a snapshot then, and no other."""
        if isinstance(answer, log_inputs.TakeSnapshot) and self.service is not None:
            self._run(log_inputs.SnapshotTaken(answer.slot, self.service.dump()), effects)
        elif isinstance(answer, log_inputs.LeaderChanged) and answer.leader == self.id and self._skips:
            skips, self._skips = self._skips, ()
            self._run(log_inputs.Skip(skips), effects)

    def _tell_client(self, client: int, message: Message, effects: ServerEffects) -> None:
        for address in self._places.get(client, ()):
            effects.sends.append((address, message))

    def _tell_all(self, decrees: Sequence[Decree], effects: ServerEffects) -> None:
        """Something is decided: whoever leads tells all clients that watch."""
        slots = dict.fromkeys(decree.slot for decree in decrees)
        starts = range(0, len(decrees), TOLD_MAX) if self.log.is_leader else ()
        tellings = [Told(tuple(decrees[at : at + TOLD_MAX]), self.log.first) for at in starts]
        for address, seat in self._watching.items():
            if not self._is_free:
                seat.missing.update(slots)
                if tellings:
                    seat.told.update(slots)
                self._note(address, seat)
            effects.sends += [(address, told) for told in tellings]

    # Peers.

    def _link(self, peer: int, hello: Message | None, effects: ServerEffects) -> None:
        if isinstance(hello, Client):
            self._unseat(peer)
            seat = self.seats[peer] = Seat(hello.client, hello.watches)
            self._places.setdefault(seat.client, {})[peer] = None
            if seat.watches:
                self._watching[peer] = seat
            self._note(peer, seat)
        elif isinstance(hello, Server):
            self.servers[peer] = None
            self._mark = None
            self._run(log_inputs.LinkUp(peer), effects, counts=False)
        else:
            effects.drops.append((peer, "it is neither a server nor a client of a log"))

    def _unseat(self, peer: int) -> None:
        """Whoever was connected from this address is so no more."""
        seat = self.seats.pop(peer, None)
        if seat is not None:
            del self._places[seat.client][peer]
            if not self._places[seat.client]:
                del self._places[seat.client]
            self._watching.pop(peer, None)
            self._behind.pop(peer, None)

    def _receive(self, peer: int, message: Message, effects: ServerEffects) -> None:
        seat = self.seats.get(peer)
        if isinstance(message, LogMessage) and peer in self.servers:
            self._run(log_inputs.Received(peer, message), effects)
        elif isinstance(message, Bundle) and peer in self.servers:
            if self.bomb is None:
                self._run(log_inputs.ReceivedTogether(peer, tuple(unbundle(message))), effects)
                return
            for single in unbundle(message):  # it may be dead before it hears the last one
                self._run(log_inputs.Received(peer, single), effects)
        elif seat is not None and isinstance(message, Submit):
            given = log_inputs.Submit(seat.client, message.number, message.since, message.text)
            for answer in self._run(given, effects).answers:
                if isinstance(answer, log_inputs.NotLeader):
                    effects.sends.append((peer, Redirect(message.number, answer.leader)))
            if not self._is_free:
                self._await_rest(("client", peer, message.number), effects)
        elif seat is not None and isinstance(message, Knows):
            self._hear(peer, seat, message, effects)
        else:
            effects.drops.append((peer, f"{type(message).__name__} is nothing that a server of a log knows"))

    def _hear(self, peer: int, seat: Seat, message: Knows, effects: ServerEffects) -> None:
        """A client says what it knows: tell it the first part of what it lacks."""
        log, snapshot = self.log, self.log.ledger.snapshot
        if message.first < log.base and snapshot is not None:
            ask = Ask(message.first, (), message.slot, message.start)
            effects.sends.append((peer, part_for(snapshot, ask, TOLD_BYTES)))
            return
        seat.hear(message.first, message.above)
        known, first = seat.above, max(seat.first, log.base)
        end = min(log.first, first + TOLD_MAX + len(known)) if self._is_free else log.first
        lacking = [slot for slot in range(first, end) if slot not in known]
        lacking += [slot for slot in log.ledger.above if slot >= first and slot not in known]
        if not self._is_free:
            seat.missing = dict.fromkeys(lacking)
            seat.told = {slot: None for slot in seat.told if slot in seat.missing}
            lacking = [slot for slot in lacking if slot not in seat.told]
        self._note(peer, seat)
        if lacking:
            self._tell(peer, lacking, effects)

    def _tell(self, address: int, slots: Iterable[int], effects: ServerEffects) -> None:
        """Tell a client the first part of what it is not known to know, and how far this server is."""
        decrees: list[Decree] = []
        size = 0
        for slot in slots:
            size += size_of(self.log.decided[slot])
            if len(decrees) == TOLD_MAX or (decrees and size > TOLD_BYTES):
                break
            decrees.append(Decree(slot, self.log.decided[slot]))
        if not self._is_free:
            self.seats[address].told.update(dict.fromkeys(decree.slot for decree in decrees))
        effects.sends.append((address, Told(tuple(decrees), self.log.first)))

    # Orders.

    def _obey(self, number: int, order: Message, effects: ServerEffects) -> None:
        if isinstance(order, Lead):
            self._live = order.live
            self._run(log_inputs.BecomeLeader(order.live), effects)
            self._await_rest(("lead", number, 0), effects)
        elif isinstance(order, Spread):
            self._await_rest(("spread", number, 0), effects)
            self._say_again(effects)
        elif isinstance(order, Plant):
            self.bomb = order.count
            effects.answers.append((number, Done()))
        elif isinstance(order, SkipSlots):
            effects.answers.append((number, self._skip(order.slots, effects)))
        elif isinstance(order, Stand):
            standing = self._standing()
            effects.answers += [(earlier, standing) for earlier, _ in self._watchers]
            self._watchers.clear()
            if order.known == standing:
                self._watchers.append((number, standing))
            else:
                effects.answers.append((number, standing))
        elif isinstance(order, Read):
            effects.answers.append((number, self._page(order.start)))
        elif isinstance(order, TellLeaders):
            ballots = tuple(part for ballot in self._led if ballot != Ballot.NONE for part in ballot)
            effects.answers.append((number, Leaders(ballots)))
        elif isinstance(order, Probe):
            effects.answers.append((number, Waiting(tuple(self._waits()))))
        else:
            effects.answers.append((number, Failed(f"{type(order).__name__} is no order for a server")))

    def _skip(self, slots: tuple[int, ...], effects: ServerEffects) -> Message:
        refused: tuple[int, ...] = ()
        for answer in self._run(log_inputs.Skip(slots), effects).answers:
            if isinstance(answer, log_inputs.NotLeader):
                return Skipped((), is_leader=False)
            if isinstance(answer, log_inputs.Rejected):
                refused = answer.slots
        return Skipped(refused)

    def _page(self, start: int) -> Page:
        """Return some of what is decided without a gap, a line for each slot."""
        end = min(self.log.first, start + TOLD_MAX)
        lines = [f"{slot} {_words(self.log.decided[slot])}" for slot in range(max(start, self.log.base), end)]
        return Page(tuple(lines), self.log.first)

    def _standing(self) -> Standing:
        return Standing(self.log.first, self.log.ledger.above, self.log.leader_ballot)

    def _waits(self) -> list[str]:
        if not self._waiters:
            return []
        lines = []
        if self.log.leading.proposals:
            slots = ", ".join(map(str, self.log.leading.proposals))
            lines.append(f"waits for a majority to accept slots {slots}")
        servers = [str(peer) for peer in self.servers if not self.log.is_level_with(peer)]
        if servers:
            lines.append(f"waits for servers {', '.join(servers)} to learn what is decided")
        clients = [str(seat.client) for seat in self.seats.values() if seat.missing or not seat.is_heard]
        if clients:
            lines.append(f"waits for clients {', '.join(clients)} to learn what is decided")
        return lines or ["waits for promises"]

    # Coming to rest.

    def _await_rest(self, waiter: tuple[str, int, int], effects: ServerEffects) -> None:
        """Somebody waits for everything to come to rest: who, and under which number."""
        self._waiters[waiter] = None
        if self._retry_at is None:
            self._retry_at = self._now + self._settings.retry_s

    def _try_again(self, effects: ServerEffects) -> None:
        """Who was told to lead, and was refused with a higher ballot, tries one above that."""
        if self.log.leading.phase == IDLE and any(kind == "lead" for kind, _, _ in self._waiters):
            self._run(log_inputs.BecomeLeader(self._live), effects)

    def _is_level(self) -> bool:
        """Whether all to whom it is connected know what it knows."""
        if self._is_free:
            return True
        if self._behind:
            return False
        mark = (self.log.first, self.log.ledger.count)
        if mark != self._mark:
            self._mark, self._unsure = mark, list(self.servers)
        while self._unsure and self.log.is_level_with(self._unsure[-1]):
            self._unsure.pop()
        return not self._unsure

    def _note(self, address: int, seat: Seat) -> None:
        """Remember whether a client lacks anything: there may be a thousand, and this is asked in each
        step."""
        if seat.watches and (seat.missing or not seat.is_heard):
            self._behind[address] = None
        else:
            self._behind.pop(address, None)

    def _can_decide(self) -> bool:
        """Whether a majority can be reached: without, nothing of what is under way will move."""
        return 2 * (len(self.servers) + 1) > len(self._settings.servers)

    def _look_round(self, effects: ServerEffects) -> None:
        """Answer those who wait for what is so now."""
        if not self._is_free:
            self._try_again(effects)
        if self._waiters and self._is_level():
            leading = self.log.leading
            at_rest = leading.is_at_rest or not self._can_decide()
            spread = at_rest or leading.phase == IDLE
            done = [waiter for waiter in self._waiters if (spread if waiter[0] == "spread" else at_rest)]
            for waiter in done:
                del self._waiters[waiter]
                kind, who, number = waiter
                if kind == "client":
                    effects.sends.append((who, Rested(number)))
                else:
                    effects.answers.append((who, AtRest(self.log.first)))
            if not self._waiters:
                self._retry_at = None
        if self._watchers:
            standing = self._standing()
            if any(known != standing for _, known in self._watchers):
                effects.answers += [(number, standing) for number, _ in self._watchers]
                self._watchers.clear()

    def _say_again(self, effects: ServerEffects) -> None:
        """Say again what was not answered, and ask all how far they are."""
        self._run(log_inputs.Resend(), effects, counts=False)
        for address in self._behind:
            missing = self.seats[address].missing
            self._tell(address, sorted(slot for slot in missing if slot >= self.log.base), effects)

    def _tick(self, effects: ServerEffects) -> None:
        if self.log.wake_at is not None and self._now >= self.log.wake_at:
            self._run(log_inputs.Tick(), effects, counts=False)
        if self._retry_at is not None and self._now >= self._retry_at:
            self._retry_at = None
            if self._is_free and self._waiters:
                self._try_again(effects)
            elif self._waiters:
                effects.notes.append(("again:", "what has come to rest"))
                self._say_again(effects)
            if self._waiters:
                self._retry_at = self._now + self._settings.retry_s / HASTE


def _told(answers: list[log_inputs.Answer]) -> LogEffects:
    """Return what a step of a log amounts to that brings about nothing but answers."""
    effects = LogEffects()
    effects.answers += answers
    return effects


def _words(value: Message) -> str:
    """Return a value of the log as it stands in a page: a command with its client and number, or a no-op."""
    if isinstance(value, Command):
        return f"{value.client} {value.number}: {value.text}"
    return "no-op" if isinstance(value, NoOp) else "members"
