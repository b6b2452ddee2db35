"""A node that takes part in one decree, in the role that it is given."""

from __future__ import annotations

from bayou.decree.messages import (
    Ask,
    Confess,
    Outlive,
    Propose,
    Proposers,
    Proposing,
    Roles,
    Stop,
    Taken,
    Told,
    Watch,
    Watched,
)
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Done, Failed, Links, Probe, Waiting
from bayou.paxos.acceptor import Acceptor
from bayou.paxos.answers import Chosen, LeaderChanged, Preempted
from bayou.paxos.learner import Learner
from bayou.paxos.messages import Accepted, Elected, Election, PaxosMessage, Prepare
from bayou.paxos.proposer import Proposer
from bayou.paxos.ring import RingElection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from bayou import paxos
    from bayou.decree.messages import BeNode
    from bayou.machine.effects import Input
    from bayou.machine.machine import Randomness
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

BACK_OFF_MAX = 32


class DecreeNode:
    """Elects, takes its role, and plays it. What was durable before a crash is given to its role, which it
    learns anew from whoever knows it."""

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("wake_at", "_rng", "_what")
    TAGS: ClassVar[tuple[str, ...]] = ()
    is_server = True
    hello = None

    def __init__(self, id: int, what: BeNode, rng: Randomness, records: Iterable[Durable] = ()) -> None:
        self.id = id
        self.wake_at: float | None = None
        self.roles: Roles | None = None
        self.role: Proposer | Acceptor | Learner | None = None
        self._what = what
        self._rng = rng
        self._records = tuple(records)
        self._ring = RingElection(id, range(what.nodes))
        self._up: dict[int, None] = {}
        self._ignorant: dict[int, None] = {}
        self._watchers: dict[int, None] = {}
        self._back_off = 1

    def step(self, now: float, given: Input) -> Effects:
        """Process one input."""
        effects = Effects()
        if isinstance(given, LinkUp):
            self._meet(now, given.peer, effects)
        elif isinstance(given, LinkDown):
            self._up.pop(given.peer, None)
            self._watchers.pop(given.peer, None)
        elif isinstance(given, Received):
            self._receive(now, given.peer, given.message, effects)
        elif isinstance(given, Ordered):
            self._obey(given.number, given.order, effects)
        elif isinstance(given, Tick) and self.wake_at is not None and now >= self.wake_at:
            self._try_again(now, effects)
        if self._is_restless and self.wake_at is None:
            self.wake_at = now + self._what.retry_s
        elif not self._is_restless:
            self.wake_at = None
        return effects

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return Links(peers, dialling)

    def check(self) -> None:
        """Nothing of what it holds could contradict the rest."""

    @property
    def value(self) -> str | None:
        """What is decided, as far as it knows as a learner."""
        return self.role.value if isinstance(self.role, Learner) else None

    @property
    def _is_restless(self) -> bool:
        """Whether it is to try something again after a while."""
        if self.roles is None or self._ignorant:
            return True
        role = self.role
        return isinstance(role, Proposer) and role.wish is not None and role.value is None

    # What comes in.

    def _meet(self, now: float, peer: int, effects: Effects) -> None:
        """A connection is up: whoever is at its other end may have missed everything."""
        self._up[peer] = None
        if peer >= self._what.nodes:
            self._inform(peer, effects)
        elif self.roles is not None:
            effects.sends.append((peer, self.roles))
        else:
            self._add(now, self._ring.start(), effects)
            if peer == (self.id + 1) % self._what.nodes:
                self._add(now, self._ring.resend(), effects)

    def _receive(self, now: float, peer: int, message: Message, effects: Effects) -> None:
        ends_it = (Stop, Prepare, Propose, Accepted) if self._what.is_mortal else (Stop,)
        if isinstance(message, ends_it):
            effects.leave = True
        elif isinstance(message, (Election, Elected)):
            self._add(now, self._ring.receive(peer, message), effects)
        elif isinstance(message, Roles):
            self._take(message)
            effects.sends.append((peer, Taken()))
        elif isinstance(message, Taken):
            self._ignorant.pop(peer, None)
        elif isinstance(message, Ask):
            self._inform(peer, effects)
        elif isinstance(message, Propose):
            self._propose(now, peer, message.value, effects)
        elif isinstance(message, Watch):
            self._watchers[peer] = None
        elif isinstance(message, PaxosMessage) and self.role is not None:
            if isinstance(message, Accepted) and isinstance(self.role, Learner):
                watched = Watched(peer, message.ballot, message.value)
                effects.sends += [(watcher, watched) for watcher in self._watchers]
            self._add(now, self.role.receive(peer, message), effects)

    def _obey(self, number: int, order: Message, effects: Effects) -> None:
        if isinstance(order, Confess):
            effects.answers.append((number, Done() if self.value is None else Told(self.value)))
        elif isinstance(order, Probe):
            effects.answers.append((number, Waiting(self._waits())))
        elif not isinstance(order, Outlive):
            effects.answers.append((number, Failed(f"{type(order).__name__} is no order for a node")))

    def _waits(self) -> tuple[str, ...]:
        if self.roles is None:
            return ("waits for the election on the ring",)
        if self._ignorant:
            return (f"waits for {', '.join(map(str, self._ignorant))} to take their roles",)
        return ("waits for acceptors",) if self._is_restless else ()

    def _propose(self, now: float, client: int, value: str, effects: Effects) -> None:
        """Whatever is decided, clients hear it from learners: those who ask again may wait for one that has
        missed it."""
        role = self.role
        if not isinstance(role, Proposer):
            return
        effects.sends.append((client, Proposing()))
        if role.value is not None:
            self._add(now, role.resend(everyone=True), effects)
        elif role.wish is None:
            self._add(now, role.propose(value), effects)

    def _inform(self, client: int, effects: Effects) -> None:
        """Answer a client what this node has to say of: the elected, who proposes; a learner, the value."""
        if self.roles is not None and self._ring.leader == self.id:
            effects.sends.append((client, Proposers(self.roles.proposers)))
        if self.value is not None:
            effects.sends.append((client, Told(self.value)))

    # Roles.

    def _hand_out(self, effects: Effects) -> None:
        """By ascending id, first the proposers, then the acceptors, then the learners."""
        ids = tuple(range(self._what.nodes))
        first, second = self._what.proposers, self._what.proposers + self._what.acceptors
        self._take(Roles(ids[:first], ids[first:second], ids[second:]))
        self._ignorant = dict.fromkeys(id for id in ids if id != self.id)
        self._tell_roles(effects)
        for client in self._up:
            if client >= self._what.nodes:
                self._inform(client, effects)

    def _tell_roles(self, effects: Effects) -> None:
        if self.roles is not None:
            effects.sends += [(node, self.roles) for node in self._ignorant]

    def _take(self, roles: Roles) -> None:
        if self.roles is not None:
            return
        self.roles = roles
        if self.id in roles.proposers:
            self.role = Proposer(self.id, roles.acceptors, self._records)
        elif self.id in roles.acceptors:
            self.role = Acceptor(self.id, roles.learners, self._records)
        elif self.id in roles.learners:
            self.role = Learner(self.id, roles.acceptors, self._records)

    def _try_again(self, now: float, effects: Effects) -> None:
        self.wake_at = None
        if self.roles is None:
            self._add(now, self._ring.start(), effects)
            self._add(now, self._ring.resend(), effects)
        self._tell_roles(effects)
        role = self.role
        if isinstance(role, Proposer) and role.wish is not None and role.value is None:
            self._add(now, role.resend() if role.is_live else role.prepare(), effects)

    def _add(self, now: float, some: paxos.Effects, effects: Effects) -> None:
        """Put what a role wants into what this node wants."""
        effects.durable += some.durable
        effects.sends += some.sends
        for answer in some.answers:
            if isinstance(answer, LeaderChanged) and answer.leader == self.id:
                self._hand_out(effects)
            elif isinstance(answer, Preempted):
                self._back_off = min(BACK_OFF_MAX, 2 * self._back_off)
                share = self._rng.getrandbits(32) / (1 << 32)
                self.wake_at = now + self._what.retry_s * share * self._back_off
            elif isinstance(answer, Chosen) and isinstance(self.role, Learner):
                told = Told(answer.value)
                effects.sends += [(client, told) for client in self._up if client >= self._what.nodes]
