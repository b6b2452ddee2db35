"""A server of a log: proposer, acceptor and learner of every slot in one, with its time-outs."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.log import inputs
from bayou.paxos.log.catchup import CatchUp
from bayou.paxos.log.inputs import LeaderChanged, MembersInForce
from bayou.paxos.log.leading import IDLE, LEADING, TRYING, Leadership
from bayou.paxos.log.ledger import Ledger
from bayou.paxos.log.membership import is_majority
from bayou.paxos.log.messages import (
    Accept,
    Accepted,
    Ask,
    Decide,
    Decrees,
    Heard,
    Heartbeat,
    Nack,
    Prepare,
    Promise,
    SnapshotPart,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, ClassVar

    from bayou.machine.machine import Randomness
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.paxos.log.inputs import Answer, Input
    from bayou.paxos.log.options import LogOptions

BACK_OFF_MAX = 8
LEASE = 3
"""A leader that has heard from no majority for so many election time-outs stops leading."""

FRACTION_BITS = 53


class LogNode:
    """One server of a log. ``step`` takes an input and returns what it brings about; there is no I/O, no
    clock and no randomness but what is passed in.

    - ``id``: who it is; ``leader``: who leads, as far as it knows, None for nobody;
    - ``first``: the first slot that it does not know decided; ``base``: the slot of its snapshot.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = (
        "_options", "_rng", "_now", "_handlers", "_heard_at", "_backoff", "_beat_at", "_election_at",
        "_leader_heard_at",
    )  # fmt: skip

    def __init__(
        self,
        node: int,
        members: Sequence[int],
        options: LogOptions,
        rng: Randomness,
        records: Iterable[Durable] = (),
    ) -> None:
        """``members``: those from slot 0 on, () for a server that has yet to learn who they are; ``records``:
        what it made durable before, in that order. BayouError where they are no records of a log."""
        self.id = node
        self._options = options
        self._rng = rng
        self._now = 0.0
        self.ledger = Ledger(members, options, records)
        self.leading = Leadership(node, self.ledger, options)
        self.leader: int | None = None
        self._leader_ballot = Ballot.NONE
        self._leader_heard_at = 0.0
        self._linked: dict[int, None] = {}
        self.catchup = CatchUp(self.ledger, self.leading, options)
        self._heard_at: dict[int, float] = {}
        self._backoff = 1
        self._beat_at: float | None = None
        self._election_at: float | None = None

    # What can be seen from outside.

    @property
    def is_leader(self) -> bool:
        """Whether it leads."""
        return self.leading.phase == LEADING

    @property
    def first(self) -> int:
        """The first slot that it does not know decided."""
        return self.ledger.first

    @property
    def base(self) -> int:
        """The slot of its snapshot: what was decided below is gone."""
        return self.ledger.base

    @property
    def decided(self) -> dict[int, Message]:
        """What it knows decided, by slot, from its snapshot on. Not to be changed."""
        return self.ledger.decided

    def replay(self) -> list[Answer]:
        """Return what a service that begins anew has to be told: Install and Applied, for all slots below
        ``first``. To be called at most once, before the first step."""
        answers, self.ledger.restored = self.ledger.restored, []
        return answers

    def is_level_with(self, peer: int) -> bool:
        """Whether that server has reported that it knows as many slots decided as this one, at least."""
        return self.catchup.is_level_with(peer)

    @property
    def leader_ballot(self) -> Ballot:
        """The highest ballot in which somebody was heard to lead."""
        return self._leader_ballot

    @property
    def wake_at(self) -> float | None:
        """When it wants a Tick, in seconds; None for never."""
        if self._options.heartbeat_s is None:
            return None
        times = [time for time in (self._beat_at, self._election_at) if time is not None]
        return min(times) if times else 0.0

    def check(self) -> None:
        """Raise InvariantBroken where its state contradicts itself."""
        self.ledger.check()
        self.leading.check()

    # Inputs.

    def step(self, now: float, given: Input) -> Effects:
        """Process one input at time ``now``, in seconds; return what it brings about."""
        effects = Effects()
        self._now = now
        self.catchup.begin()
        if self._election_at is None and self._beat_at is None:
            self._await_silence()
        if isinstance(given, inputs.Received):
            handler = _HANDLERS.get(type(given.message))
            if handler is not None and given.sender != self.id:
                self._heard_at[given.sender] = now
                handler(self, given.sender, given.message, effects)
        elif isinstance(given, inputs.ReceivedTogether):
            self._receive_all(given.sender, given.messages, effects)
        else:
            self._take(given, effects)
        self._keep_in_step(effects)
        return effects

    def _receive_all(self, sender: int, messages: Iterable[Message], effects: Effects) -> None:
        """Process several messages from one server."""
        if sender != self.id:
            self._heard_at[sender] = self._now
            for message in messages:
                handler = _HANDLERS.get(type(message))
                if handler is not None:
                    handler(self, sender, message, effects)

    def _take(self, given: Input, effects: Effects) -> None:
        """Process an input that is no message."""
        leading = self.leading
        if isinstance(given, inputs.Tick):
            self._tick(effects)
        elif isinstance(given, inputs.Submit):
            leading.submit(given, self._leader_now(), effects)
        elif isinstance(given, inputs.LinkUp):
            self._linked[given.peer] = None
            leading.greet(given.peer, effects)
            self._tell_how_far([given.peer], effects)
        elif isinstance(given, inputs.LinkDown):
            self._unlink(given.peer, effects)
        elif isinstance(given, inputs.BecomeLeader):
            self._lead_no_more(effects)
            self._begin(given.live, effects)
        elif isinstance(given, inputs.Resend):
            self._resend(effects)
        elif isinstance(given, inputs.SnapshotTaken):
            self.ledger.take_snapshot(given.slot, given.state, effects)
        elif isinstance(given, inputs.Skip):
            leading.skip(given.slots, self._leader_now(), effects)
        elif isinstance(given, inputs.ChangeMembers):
            leading.change_members(given.members, self._leader_now(), effects)
        else:
            raise BayouError(f"{type(given).__name__} is no input of a log")

    def _keep_in_step(self, effects: Effects) -> None:
        """What a step brought about may end a leadership, or let it go on. What others are told that we know,
        we know for good."""
        leading = self.leading
        self._stop_if_left_out(effects)
        if leading.phase != IDLE:
            leading.go_on(effects)
            leading.tell_members(effects)
            self._stop_if_left_out(effects)
        if leading.phase == LEADING and self.leader != self.id:
            self._start_leading(effects)
        self.ledger.settle(effects, at_once=self.ledger.has_unwritten and _has_told(effects))

    def _stop_if_left_out(self, effects: Effects) -> None:
        if self.is_leader and self.id not in self.ledger.membership.of(self.ledger.first):
            self._lead_no_more(effects)

    # Time and leadership.

    def _draw(self, seconds: float) -> float:
        """Return a time between once and twice so many seconds from now."""
        share = self._rng.getrandbits(FRACTION_BITS) / (1 << FRACTION_BITS)
        return self._now + seconds * (1 + share)

    def _await_silence(self) -> None:
        """Campaign when nobody has been heard to lead for a while."""
        election_s = self._options.election_s
        self._election_at = None if election_s is None else self._draw(election_s * self._backoff)

    def _tick(self, effects: Effects) -> None:
        now = self._now
        is_beat = self._beat_at is not None and now >= self._beat_at
        if is_beat:
            self._beat_at = now + (self._options.heartbeat_s or 0.0)
        if self._election_at is not None and now >= self._election_at:
            self._campaign(effects)  # which says all again, or something else
        elif is_beat and self.is_leader and not self._has_majority():
            self._lead_no_more(effects)
        elif is_beat:
            self._resend(effects)

    def _has_majority(self) -> bool:
        """Whether a majority of the members has been heard from lately."""
        limit = self._now - LEASE * (self._options.election_s or 0.0)
        heard = [server for server, at in self._heard_at.items() if at >= limit]
        return is_majority([*heard, self.id], self.ledger.membership.of(self.ledger.first))

    def _campaign(self, effects: Effects) -> None:
        """There is silence: try to lead; who is no member asks all whom it knows what is decided."""
        membership, leading = self.ledger.membership, self.leading
        self._leader_is(None, effects)
        if self.id not in membership.of(self.ledger.first):
            for server in membership.known or self._linked:
                if server != self.id:
                    self.catchup.begin()
                    self.catchup.ask(server, effects)
        elif leading.phase == TRYING and leading.seen <= leading.ballot:
            leading.settle_for_a_majority(effects)
        else:
            self._begin((), effects)
        self._await_silence()
        self._backoff = min(BACK_OFF_MAX, 2 * self._backoff)

    def _begin(self, live: Iterable[int], effects: Effects) -> None:
        if self._options.heartbeat_s is not None:
            self._beat_at = self._now + self._options.heartbeat_s
        self.leading.begin([server for server in live if server != self.id], effects)

    def _start_leading(self, effects: Effects) -> None:
        """It leads from now on: nobody else is waited for, and all are told."""
        self.leader, self._leader_ballot = self.id, self.leading.ballot
        self._election_at = None
        self._backoff = 1
        for server in self.leading.covered:
            self._heard_at[server] = self._now
        self._tell_how_far(self.ledger.membership.concerned(self.ledger.first), effects)

    def _lead_no_more(self, effects: Effects) -> None:
        """It stops leading, or trying to."""
        if self.leading.phase == IDLE:
            return
        self.leading.stop()
        self._beat_at = None
        if self.leader == self.id:
            self._leader_is(None, effects)
        self._await_silence()

    def _leader_is(self, leader: int | None, effects: Effects) -> None:
        if leader != self.leader:
            self.leader = leader
            effects.answers.append(LeaderChanged(leader))

    def _leader_now(self) -> int | None:
        """Return who leads, if that was heard of lately."""
        election_s = self._options.election_s
        if self.is_leader or election_s is None or self._now - self._leader_heard_at <= election_s:
            return self.leader
        return None

    def _follow(self, ballot: Ballot, effects: Effects) -> bool:
        """Somebody says that it leads in this ballot; return whether that can be so."""
        if ballot < max(self._leader_ballot, self.ledger.promised):
            return False
        if ballot > self.leading.ballot:
            self._lead_no_more(effects)
        self.leading.seen = max(self.leading.seen, ballot)
        self._leader_ballot = ballot
        self._leader_heard_at = self._now
        self._leader_is(ballot.node, effects)
        self._backoff = 1
        self._await_silence()
        return True

    def _unlink(self, peer: int, effects: Effects) -> None:
        """A server can't be reached. Where it led, the members next to it, by id in a circle, campaign
        first."""
        self._linked.pop(peer, None)
        self.catchup.known.pop(peer, None)
        self.leading.without(peer, effects)
        heartbeat_s = self._options.heartbeat_s
        if peer != self.leader or heartbeat_s is None or self.leading.phase != IDLE:
            return
        members = self.ledger.membership.of(self.ledger.first)
        circle = [*(each for each in members if each > peer), *(each for each in members if each < peer)]
        if self.id in circle:
            self._leader_is(None, effects)
            self._election_at = self._now + heartbeat_s * circle.index(self.id)
            if self._election_at <= self._now:
                self._campaign(effects)

    def _resend(self, effects: Effects) -> None:
        """Send again what is unanswered, and tell how far this server is."""
        self.leading.resend(effects)
        if self.is_leader:
            self._tell_how_far(self.ledger.membership.concerned(self.ledger.first), effects)
        elif self._options.heartbeat_s is None and self.leading.phase == IDLE:
            self._tell_how_far(self._linked, effects)
        if self._options.heartbeat_s is None:
            self.catchup.bring_all_on(effects)  # whoever resends waits for them to know

    def _tell_how_far(self, servers: Iterable[int], effects: Effects) -> None:
        """Tell servers what this one knows decided, so that who knows less asks."""
        if self.is_leader:
            ballot = self.leading.ballot
        elif self._options.heartbeat_s is None:
            ballot = Ballot.NONE
        else:
            return
        for server in servers:
            if server != self.id:
                effects.sends.append((server, Heartbeat(ballot, self.ledger.first, self.ledger.count)))

    # Messages: the first phase.

    def _on_prepare(self, sender: int, message: Prepare, effects: Effects) -> None:
        ledger, ballot = self.ledger, message.ballot
        self.leading.seen = max(self.leading.seen, ballot)
        if ledger.first > message.first:
            self.catchup.bring_on(sender, Ask(message.first), effects)
        elif ballot < ledger.promised:
            effects.sends.append((sender, Nack(ballot, ledger.promised)))
        else:
            if ballot > ledger.promised:
                self._lead_no_more(effects)
                self._leader_is(None, effects)
                if self._options.heartbeat_s is not None:
                    self._await_silence()
            ledger.promise(ballot, effects)
            votes, upto = ledger.votes(message.first, self._options.chunk_bytes)
            effects.sends.append((sender, Promise(ballot, message.first, upto, votes)))

    def _on_promise(self, sender: int, message: Promise, effects: Effects) -> None:
        self.leading.promised(sender, message, effects)

    def _on_nack(self, sender: int, message: Nack, effects: Effects) -> None:
        leading = self.leading
        leading.seen = max(leading.seen, message.promised)
        if leading.phase != IDLE and message.ballot == leading.ballot and message.promised > leading.ballot:
            self._lead_no_more(effects)

    # Messages: the second phase.

    def _on_accept(self, sender: int, message: Accept, effects: Effects) -> None:
        ledger, ballot, slot = self.ledger, message.ballot, message.slot
        if ledger.is_decided(slot):
            self.catchup.bring_on(sender, Ask(slot), effects)
        elif ballot < ledger.promised:
            effects.sends.append((sender, Nack(ballot, ledger.promised)))
        else:
            self._follow(ballot, effects)
            ledger.accept(slot, ballot, message.value, effects)
            effects.sends.append((sender, Accepted(ballot, slot)))

    def _on_accepted(self, sender: int, message: Accepted, effects: Effects) -> None:
        self.leading.accepted(sender, message.ballot, message.slot, effects)

    def _on_decide(self, sender: int, message: Decide, effects: Effects) -> None:
        ledger, slot = self.ledger, message.slot
        self._follow(message.ballot, effects)
        vote = ledger.accepted.get(slot)
        if not ledger.is_decided(slot):
            if vote is not None and vote.ballot == message.ballot:
                self.leading.learn(slot, vote.value, effects)
            else:
                self.catchup.ask(sender, effects)
        if self._options.heartbeat_s is None:
            self.catchup.report(sender, message.ballot, effects)

    # Messages: catching up.

    def _on_heartbeat(self, sender: int, message: Heartbeat, effects: Effects) -> None:
        ledger = self.ledger
        if message.ballot != Ballot.NONE:
            if message.ballot < ledger.promised:
                effects.sends.append((sender, Nack(message.ballot, ledger.promised)))
            else:
                self._follow(message.ballot, effects)
        self.catchup.known[sender] = (message.first, message.decided)
        if message.first > ledger.first or message.decided > ledger.count:
            self.catchup.ask(sender, effects)
        self.catchup.report(sender, message.ballot, effects)


def _has_told(effects: Effects) -> bool:
    """Whether others are told what is decided, as far as it is known here."""
    return any(type(message) is Heard for _, message in effects.sends) or any(
        type(answer) is MembersInForce for answer in effects.answers
    )


_HANDLERS: dict[type[Message], Callable[[LogNode, int, Any, Effects], None]] = {
    Prepare: LogNode._on_prepare,
    Promise: LogNode._on_promise,
    Nack: LogNode._on_nack,
    Accept: LogNode._on_accept,
    Accepted: LogNode._on_accepted,
    Decide: LogNode._on_decide,
    Heartbeat: LogNode._on_heartbeat,
    Heard: lambda node, *given: node.catchup.on_heard(*given),
    Ask: lambda node, *given: node.catchup.on_ask(*given),
    Decrees: lambda node, *given: node.catchup.on_decrees(*given),
    SnapshotPart: lambda node, *given: node.catchup.on_snapshot_part(*given),
}
