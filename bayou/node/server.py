"""A server: one replica and the conversations around it."""

from __future__ import annotations

from bayou.core.clock import HybridClock, LogicalClock
from bayou.core.errors import Misuse, PeerError
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.past import (
    Bounded,
    Chunk,
    Folded,
    IncomingDropped,
    Installed,
    MarksDropped,
    MemoryPast,
    Truncated,
)
from bayou.core.replica import Replica
from bayou.machine.effects import Effects, Input, LinkDown, LinkUp, Ordered, Received
from bayou.machine.messages import Done, Failed, Links, Message, Probe, Waiting
from bayou.node.desk import Desk
from bayou.node.exchange import Exchanges
from bayou.node.inheriting import Inheriting
from bayou.node.joining import Creating, Joining
from bayou.node.life import GONE, MEMBER, NAMED, Life
from bayou.node.messages import (
    GOSSIP,
    HAND_OVER,
    JOIN,
    ROUND,
    AntiEntropy,
    AskConsent,
    AskHeir,
    BaseRows,
    CanImport,
    Consent,
    Consented,
    Continue,
    Converge,
    Create,
    Created,
    Declined,
    End,
    Export,
    Gather,
    GroupStand,
    HandOver,
    Hello,
    Import,
    IsConflict,
    Join,
    News,
    NotNow,
    Pause,
    Pull,
    ReadLog,
    Regroup,
    Request,
    Retire,
    SetGroup,
    TakenOver,
    TellGroup,
    Watch,
    WhereIs,
    Willing,
    no_hello,
)
from bayou.node.past import ORDERS, carry_out
from bayou.node.peers import Peers
from bayou.node.records import (
    Activated,
    Aiming,
    Answered,
    Asking,
    ConsentGiven,
    CreatedFor,
    Named,
    Promised,
    Voted,
)
from bayou.node.retiring import Retiring
from bayou.node.rounds import Rounds
from bayou.node.settings import Settings
from bayou.node.showing import ORDERS as SHOWN
from bayou.node.showing import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, ClassVar

    from bayou.core.errors import MissingFunction
    from bayou.core.functions import Functions
    from bayou.core.past import Past
    from bayou.core.replica import Journaled
    from bayou.core.vector import VersionVector
    from bayou.machine.machine import Randomness
    from bayou.machine.records import Durable, Fact
    from bayou.node.gossip import Gossip, Watching
    from bayou.node.grouping import Grouping
    from bayou.node.leading import Leading
    from bayou.node.messages import Votes
    from bayou.node.past import OrderOfThePast
    from bayou.node.regrouping import Regrouping
    from bayou.node.upkeep import Upkeep
    from bayou.node.voting import Voting


HEARD_MAX = 1 << 12
"""Of so many servers it is remembered where they stood, before those that have left are forgotten."""

REDONE = (Items, Chunk, Folded, Truncated, MarksDropped, IncomingDropped, Installed, Bounded)
"""What a replica journals."""

_BEFORE_NAMED = (Created, Declined, Create, Pull, Request)
"""What a server heeds before it has a name."""


def _ignore(peer: int, message: Message) -> None:
    """Take no notice of a message that only gossip has a use for."""


class Server:
    """A server as a state machine: ``step`` takes one input and returns its effects.

    ``id`` is its address here, not its name, which it gets when it joins. Raises nothing on bad
    messages: they end in ``Effects.drops``.

    Whoever drives it may set these: ``wall_offset_s``, see Settings, where the wall clock was set anew;
    ``is_unsure``: whether it may have forgotten something, so that it commits nothing yet; ``is_full``:
    whether there is no room to take anything in, so that it pulls nothing, and accepts no client's writes.
    """

    kind = "server"
    is_server = True
    UNCOMPARED: ClassVar[tuple[str, ...]] = (
        "_effects", "_on_message", "_on_order", "_rng", "_settings", "_timed", "functions", "heard", "now",
        "wall_offset_s",
    )  # fmt: skip
    TAGS: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        id: int,
        rng: Randomness,
        settings: Settings | None = None,
        *,
        paused: bool = False,
        past: Past | None = None,
        functions: Functions | None = None,
    ) -> None:
        """``past``: where its committed prefix is kept, in memory unless told otherwise; ``functions``: those
        that general writes may call here."""
        self._settings = settings = settings or Settings()
        self.id = id
        self.past: Past = MemoryPast() if past is None else past
        self.functions = functions
        self.hello = Hello(is_server=True)
        self.now = 0.0
        self.wall_offset_s = settings.wall_offset_s
        self.is_unsure = False
        self.is_full = False
        self.paused = paused
        self.life = Life()
        self.peers = Peers()
        self.exchanges = Exchanges(self, rng.getrandbits(40), settings.limits, settings.retry_s)
        self.heard: dict[Name, tuple[int, VersionVector]] = {}
        self._rng = rng
        self._replica: Replica | None = None
        self._effects = Effects()
        self._rounds = Rounds(self, self.exchanges, settings.round_patience_s)
        self._joining = Joining(self, self.exchanges, settings.retry_s)
        self._creating = Creating(self, self.exchanges)
        self._inheriting = Inheriting(self, self.exchanges)
        self._retiring = Retiring(self, self.exchanges, self._inheriting, settings.retry_s)
        self._desk = Desk(self, settings.sessions_max)
        self._grouping: Grouping | None = None
        self._regrouping: Regrouping | None = None
        self.voting: Voting | None = None
        self._watching: Watching | None = None
        self._gossip: Gossip | None = None
        self._leading: Leading | None = None
        self._upkeep: Upkeep | None = None
        self._timed: list[Rounds | Joining | Retiring | Gossip | Leading | Regrouping | Upkeep | Desk] = []
        if settings.keep is not None:
            from bayou.node.upkeep import Upkeep  # only servers that last have one

            self._upkeep = Upkeep(self, settings.keep)
            self._timed.append(self._upkeep)  # before all that would bring something that is not kept yet
        self._timed += [self._rounds, self._joining, self._retiring, self._desk]
        if settings.habits is not None:
            from bayou.node.gossip import Gossip  # not needed in lock-step, and 0.2 ms to import

            self._gossip = Gossip(self, self.exchanges, settings.habits, rng)
            self._timed.append(self._gossip)
        self._on_message: dict[type[Message], Callable[[int, Any], None]] = {
            Pull: self._on_pull,
            AntiEntropy: self.exchanges.on_part,
            BaseRows: self.exchanges.on_base_rows,
            Continue: self.exchanges.on_continue,
            Gather: self._rounds.on_gather,
            Create: self._creating.on_create,
            Created: self._joining.on_created,
            AskHeir: self._inheriting.on_ask_heir,
            Willing: self._retiring.on_willing,
            HandOver: self._inheriting.on_hand_over,
            TakenOver: self._retiring.on_taken_over,
            Declined: self._on_declined,
            Request: self._desk.on_request,
            AskConsent: self._on_consent,
            Consented: self._on_consent,
            News: _ignore if self._gossip is None else self._gossip.on_news,
            NotNow: _ignore if self._gossip is None else self._gossip.on_not_now,
        }
        self._on_order: dict[type[Message], Callable[[int, Any], None]] = {
            Join: self._joining.start,
            Retire: self._retiring.on_retire,
            Pause: self._on_pause,
            Converge: self._rounds.start,
            **dict.fromkeys(SHOWN, self._on_shown),
            **dict.fromkeys(ORDERS, self._on_past),
            **dict.fromkeys((WhereIs, Export, CanImport, Import), self._on_carried),
            Watch: self._on_watch,
            Probe: self._on_probe,
            **dict.fromkeys((TellGroup, Consent, Regroup, SetGroup), self._on_group),
        }

    # What whoever drives it uses.

    @classmethod
    def restored(
        cls,
        id: int,
        rng: Randomness,
        settings: Settings | None,
        records: Iterable[Durable],
        *,
        now: float,
        paused: bool = False,
        past: Past | None = None,
        functions: Functions | None = None,
    ) -> Server:
        """Return the server that made these records durable, in that order, as it is after a crash at
        ``now``: it knows what it knew, and has no connections. What ``past`` has is not in the records.
        MissingFunction where a write of its log calls what is not among ``functions``."""
        server = cls(id, rng, settings, paused=paused, past=past, functions=functions)
        server.now = now
        votes: list[Voted] = []
        restore: dict[type, Callable[[Any], object]] = {
            **dict.fromkeys(REDONE, server._redo),
            Named: lambda named: server._take_name(named.name),
            Activated: lambda _: server.life.enter(MEMBER),
            Answered: server._desk.restore,
            Promised: lambda promised: server._inheriting.restore_promise(promised.asker),
            CreatedFor: lambda created: server._creating.keep(created.token, created.creation),
            Asking: server._joining.restore_asking,
            Aiming: server._joining.restore_aim,
            Voted: votes.append,
            ConsentGiven: lambda consented: server._change_of_group().restore(consented),
        }
        for record in records:
            restore[type(record)](record)
        if server._replica is not None:
            server._replica.take_journal()
            if votes:
                server._begin_voting().restore(votes[-1].vote)
            if server._gossip is not None:
                server._gossip.wake()
            server._notice_retirement(server._replica)
            if server._upkeep is not None:
                server._upkeep.moved()
        server._joining.resume()
        return server

    def step(self, now: float, given: Input) -> Effects:
        """Process one input at time ``now`` (seconds, never going back) and return what it brings about."""
        self.now = now
        effects = self._effects = Effects()
        if isinstance(given, Received):
            self._receive(given)
        elif isinstance(given, Ordered):
            self._obey(given)
        elif isinstance(given, LinkUp | LinkDown):
            self._relink(given)
        else:
            for timed in self._timed:
                if timed.due is not None and now >= timed.due:
                    timed.on_due()
        if self._inheriting.settle_promises():
            self._retiring.on_promises_settled()
        if self._replica is not None:
            self._notice_retirement(self._replica)
            if self.voting is not None or self._replica.votes:
                self._begin_voting().settle()
                self._retiring.look()
            if self._regrouping is not None:
                self._regrouping.look()
            self._notice_moves(self._replica)
            effects.durable += self._replica.take_journal()
            if self.voting is not None:
                self._keep_vote(self.voting)
        return effects

    @property
    def wake_at(self) -> float | None:
        """When it wants a Tick, at the latest; None for never."""
        earliest = None
        for timed in self._timed:
            if timed.due is not None and (earliest is None or timed.due < earliest):
                earliest = timed.due
        return earliest

    @property
    def replica(self) -> Replica:
        """The replica; raises Misuse before the server has its name."""
        if self._replica is None:
            raise Misuse(f"server {self.id} has no name yet")
        return self._replica

    @property
    def name(self) -> Name | None:
        """Its name, None before it has one."""
        return None if self._replica is None else self._replica.name

    @property
    def servers(self) -> list[int]:
        """The ids of the servers connected, in order."""
        return self.peers.servers

    @property
    def is_member(self) -> bool:
        """Whether it has its name and has taken over what its creator had."""
        return self.life.is_member

    @property
    def is_active(self) -> bool:
        """Whether it takes part: a member that has not accepted its own retirement write."""
        return self.life.is_active

    @property
    def votes(self) -> Votes:
        """The votes in the commit group that are known here."""
        return () if self.voting is None else self.voting.votes.all()

    @property
    def stand(self) -> GroupStand | None:
        """How it stands to the commit group, None where that has always been the first server alone."""
        replica = self.replica
        if not replica.epoch:
            return None
        return GroupStand(replica.epoch, replica.group, len(replica.log.tentative))

    @property
    def is_bound(self) -> bool:
        """Whether it has consented to a change of the group that may still count, so that it can't retire."""
        return self._grouping is not None and self._grouping.is_bound

    @property
    def lacking(self) -> list[tuple[Name | None, MissingFunction]]:
        """From which servers connected with it nothing more comes in, as a function is missing here that
        their writes call."""
        if not self.exchanges.has_lacked:
            return []
        return [(at.name, at.lacks) for _, at in self.peers.items() if at.lacks is not None]

    @property
    def log_held_by(self) -> str:
        """What keeps its log from being shorter, in words."""
        return "all writes are to stay" if self._upkeep is None else self._upkeep.held_back_by

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected, and whether it is paused."""
        return Links(peers, dialling, self.paused)

    def meet(self, peer: int, name: Name) -> None:
        """The server at the other end of that connection has got its name since the connection is up."""
        self.peers.of(peer).name = name

    def wake(self) -> None:
        """It may commit again: what is tentative gets its turn."""
        if self._gossip is not None and self.is_active:
            self._gossip.wake()

    def check(self) -> None:
        """Raise InvariantBroken where the state of the server contradicts itself."""
        self.life.check(self._replica)
        if self._replica is not None:
            self._replica.check()

    # What its parts use.

    def send(self, peer: int, message: Message) -> None:
        """Send a message, as an effect of this input."""
        self._effects.sends.append((peer, message))

    def remember(self, fact: Fact) -> None:
        """Make a fact durable, as an effect of this input."""
        self._effects.durable.append(fact)

    def answer(self, order: int, message: Message) -> None:
        """Answer an order, as an effect of this input."""
        self._effects.answers.append((order, message))

    def note(self, *words: object) -> None:
        """Tell a curious operator."""
        self._effects.notes.append(words)

    def leave(self) -> None:
        """End this server: it has retired."""
        self.life.enter(GONE)
        self._effects.leave = True

    def new_token(self) -> int:
        """Return a number that no other request bears."""
        return self._rng.getrandbits(62)

    def become(self, name: Name) -> None:
        """Take this name; the first server is a member at once. PeerError for a name with a stamp that
        nobody can have given."""
        if name is not ROOT and name.stamp > self._new_clock().beginning_max:
            raise PeerError(f"{name} bears a stamp far in the future: is the clock of its creator right?")
        self._take_name(name)
        self.remember(Named(name))

    def _new_clock(self) -> LogicalClock:
        return LogicalClock() if self.wall_offset_s is None else HybridClock(self._wall_us)

    def _take_name(self, name: Name) -> None:
        settings, clock = self._settings, self._new_clock()
        self._replica = Replica(
            name, short_max=settings.short_max, clock=clock, past=self.past, functions=self.functions
        )
        self.hello = Hello(is_server=True, name=name)
        self.life.enter(MEMBER if name is ROOT else NAMED)

    def activate(self) -> None:
        """All has been taken over from the creator: serve from now on."""
        self.life.enter(MEMBER)
        self.remember(Activated())

    def heard_votes(self, end: End) -> None:
        """An exchange is complete, at whose end votes have come."""
        replica = self.replica
        replica.learn_boundary(end.boundary)
        if end.votes and (self.voting is not None or replica.votes):
            for vote in end.votes:
                vote.check_held(end.csn, end.vector)
            self._begin_voting().take_in(end.votes)

    def leave_group(self) -> None:
        """Leave the commit group, as this server is about to retire."""
        self.regrouping.leave()

    def base_begun(self, purpose: str, key: int) -> None:
        """Rows of a base come in, in place of an exchange that one of the parts asked for."""
        if purpose == ROUND:
            self._rounds.base_begun(key)

    def lacks(self, purpose: str, key: int, peer: int, missing: MissingFunction) -> None:
        """An exchange that one of the parts asked for has ended before a write that calls what is missing
        here."""
        if purpose == ROUND:
            self._rounds.lacks(key, missing)
        elif purpose == JOIN:
            self._joining.lacks(peer, missing)
        elif purpose == GOSSIP:
            if self._gossip is not None:
                self._gossip.lacks(peer)
        else:
            self._inheriting.lacks(key, peer)

    def pulled(self, purpose: str, key: int, peer: int, end: End) -> None:
        """An exchange that one of the parts asked for is complete."""
        self._heard_from(peer, end)
        if purpose == ROUND:
            self._rounds.pulled(key, peer, end)
        elif purpose == JOIN:
            self._joining.pulled()
        elif purpose == GOSSIP:
            if self._gossip is not None:
                self._gossip.pulled(key, peer, end)
        else:
            self._inheriting.pulled(key, peer)

    # Inputs.

    def _redo(self, record: Journaled) -> None:
        self.replica.redo(record)

    def _notice_retirement(self, replica: Replica) -> None:
        """Its own retirement write may be in what a server wrote down before a crash, or others have."""
        if replica.retired and self.life.is_active:
            self._retiring.resume()

    def _begin_voting(self) -> Voting:
        if self.voting is None:
            from bayou.node.voting import Voting  # most systems have one primary, and start-up time counts

            self.voting = Voting(self)
            if self._gossip is not None:
                from bayou.node.leading import Leading

                self._leading = Leading(self, self._rng)
                self._timed.append(self._leading)
        return self.voting

    def _keep_vote(self, voting: Voting) -> None:
        """Make its own vote durable, behind all items of this step."""
        for vote in voting.to_keep():
            self.remember(vote)

    def _change_of_group(self) -> Grouping:
        if self._grouping is None:
            from bayou.node.grouping import Grouping  # seldom needed, as above

            self._grouping = Grouping(self)
        return self._grouping

    @property
    def regrouping(self) -> Regrouping:
        """How it changes the commit group by itself."""
        if self._regrouping is None:
            from bayou.node.regrouping import Regrouping

            self._regrouping = Regrouping(self, self._change_of_group(), self._settings.retry_s)
            self._timed.append(self._regrouping)
        return self._regrouping

    def _on_group(self, number: int, order: TellGroup | Consent | Regroup | SetGroup) -> None:
        if self._replica is None:
            self.answer(number, Failed("it has no name yet"))
        elif isinstance(order, SetGroup):
            self.regrouping.on_set(number, order)
        else:
            self.answer(number, self._change_of_group().answer_to(order))

    def _on_consent(self, peer: int, message: AskConsent | Consented) -> None:
        if isinstance(message, AskConsent):
            self.regrouping.on_ask_consent(peer, message)
        else:
            self.regrouping.on_consented(peer, message)

    def _notice_moves(self, replica: Replica) -> None:
        if replica.has_moved:
            if self._gossip is not None:
                self._gossip.moved()  # it may commit
            self._desk.moved()
            if self._watching is not None:
                self._watching.look()
            if self._upkeep is not None:
                self._upkeep.moved()
        elif self.voting is not None and self.voting.has_moved and self._gossip is not None:
            self._gossip.moved()
        if self.voting is not None:
            self.voting.has_moved = False
            if self._leading is not None:
                self._leading.look(self.voting)

    def _wall_us(self) -> int:
        return int((self.now + (self.wall_offset_s or 0.0)) * 1e6)

    def _receive(self, given: Received) -> None:
        handler = self._on_message.get(type(given.message))
        try:
            if handler is None:
                raise PeerError(f"{type(given.message).__name__} is no message for a server")
            if self._replica is not None or isinstance(given.message, _BEFORE_NAMED):
                handler(given.peer, given.message)
                if isinstance(given.message, Pull | News | Gather):
                    self._heard_from(given.peer, given.message)
        except PeerError as error:
            self.exchanges.break_off(given.peer)
            self._effects.drops.append((given.peer, str(error)))

    def _heard_from(self, peer: int, said: Pull | News | Gather | End) -> None:
        """Take notice of where a server stands, as it says itself."""
        name = self.peers.of(peer).name
        if name is not None:
            if len(self.heard) > HEARD_MAX:
                self.heard = {
                    known: self.heard[known] for known in self.replica.vector.names if known in self.heard
                }
            self.heard[name] = said.csn, said.vector

    def _obey(self, given: Ordered) -> None:
        handler = self._on_order.get(type(given.order))
        if handler is None:
            self.answer(given.number, Failed(f"{type(given.order).__name__} is no order for a server"))
        else:
            handler(given.number, given.order)

    def _relink(self, given: LinkUp | LinkDown) -> None:
        """A connection has come up or gone. Nothing else reads what a LinkUp says."""
        peer = given.peer
        if isinstance(given, LinkDown):
            self.peers.link_down(peer)
            self._desk.on_link_down(peer)
        elif isinstance(given.hello, Hello):
            self.peers.link_up(peer, given.hello.name, is_server=given.hello.is_server)
        else:
            self.peers.link_down(peer)
            self._effects.drops.append((peer, no_hello(given.hello)))
        self._rounds.on_link_changed(peer)
        if self._gossip is not None:
            self._gossip.on_link_changed(peer)
        if self._leading is not None and isinstance(given, LinkUp):
            self._leading.on_link_up(self.peers.of(peer).name)
        self._joining.on_links_changed()
        self._retiring.on_links_changed()

    def _on_pull(self, peer: int, message: Pull) -> None:
        """Send a server what it asks for: while paused only a new one, and one that takes over from this one;
        nobody before this server is itself a member."""
        if message.csn < 0 or message.purpose not in (JOIN, HAND_OVER, ROUND, GOSSIP):
            raise PeerError(f"a pull for {message.purpose[:20]!r} from CSN {message.csn} on")
        if self.is_member and (not self.paused or message.purpose not in (ROUND, GOSSIP)):
            self.exchanges.serve(peer, message.serial, message.csn, message.vector, message.base)
        elif message.purpose == GOSSIP:
            self.send(peer, NotNow(message.serial))

    def _on_declined(self, peer: int, message: Declined) -> None:
        self._joining.on_declined(peer, message)
        self._retiring.on_declined(peer, message)
        if self._regrouping is not None:
            self._regrouping.on_declined(peer, message)

    def _on_pause(self, number: int, order: Pause) -> None:
        self.paused = order.paused
        if self.paused:
            self._rounds.pause()
        if self._gossip is not None:
            if self.paused:
                self._gossip.pause()
            elif self._replica is not None:
                self._gossip.resume()
        self.answer(number, Done())

    def _on_watch(self, number: int, order: Watch) -> None:
        if self._watching is None:
            from bayou.node.gossip import Watching  # as above: only asked for where servers run freely

            self._watching = Watching(self)
        self._watching.on_watch(number, order)

    def _on_shown(self, number: int, order: ReadLog | IsConflict) -> None:
        if self._replica is None:
            self.answer(number, Failed("it has no log yet"))
        else:
            self.answer(number, show(self._replica, order, self.exchanges.limits))

    def _on_past(self, number: int, order: OrderOfThePast) -> None:
        if self._replica is None:
            self.answer(number, Failed("it has no log yet"))
        else:
            self.answer(number, carry_out(order, self._replica))

    def _on_carried(self, number: int, order: Message) -> None:
        from bayou.node.carrying import Carrying  # seldom needed, and start-up time counts

        self.answer(number, Carrying(self, self.exchanges).answer_to(order))

    def _on_probe(self, number: int, order: Probe) -> None:
        lines = [*self._joining.waiting(), *self._retiring.waiting(), *self._rounds.waiting()]
        for part in (self._regrouping, self._watching, self._gossip):
            lines += [] if part is None else part.waiting()
        self.answer(number, Waiting(tuple(lines or self.exchanges.waiting())))
