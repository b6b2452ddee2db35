"""What one server knows of the log, nearly all of it durable: what it promised, accepted and knows decided.

It is the acceptor and the learner of every slot (*Paxos Made Simple*, sections 2.2, 2.3 and 3); who leads is
no concern of it.
"""

from __future__ import annotations

from bayou.core.errors import BayouError, require
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.clients import APPLY, TOO_OLD, Clients
from bayou.paxos.log.inputs import Applied, Chosen, Install, Refused, TakeSnapshot
from bayou.paxos.log.membership import Membership
from bayou.paxos.log.messages import Command, Members, Vote
from bayou.paxos.log.records import AcceptedRecord, Decided, Promised, Snapshot
from bayou.paxos.log.snapshots import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import ClassVar

    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.paxos.effects import Effects
    from bayou.paxos.log.inputs import Answer
    from bayou.paxos.log.options import LogOptions

UNWRITTEN_MAX = 256
"""How many slots may be decided before that is written without another reason to."""


class Ledger:
    """- ``promised``: it takes part in no ballot below this one;
    - ``accepted``: its last vote in each slot from ``first`` on;
    - ``decided``: the values decided in slots from ``base`` on, with no gap below ``first``;
    - ``base``: the slot of its ``snapshot``, 0 without one: what is below went into that;
    - ``first``: the first slot that it does not know decided: all below are applied;
    - ``membership``, ``clients``: what the slots below ``first`` came to.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_options",)

    def __init__(self, members: Sequence[int], options: LogOptions, records: Iterable[Durable] = ()) -> None:
        self._options = options
        self.promised = Ballot.NONE
        self.accepted: dict[int, Vote] = {}
        self.decided: dict[int, Message] = {}
        self.base = self.first = 0
        self.snapshot: Snapshot | None = None
        self.membership = Membership([(0, members)] if members else [])
        self.clients = Clients(options.forget_slots)
        self._high: dict[int, None] = {}
        self._unwritten: dict[int, None] = {}
        self._due: tuple[int, list[tuple[int, int, int]], list[tuple[int, tuple[int, ...]]]] | None = None
        self.restored: list[Answer] = []
        self._restore(records)

    def _restore(self, records: Iterable[Durable]) -> None:
        for record in records:
            if isinstance(record, Snapshot):
                self._take_over(record, self.restored)
            elif isinstance(record, Promised):
                self.promised = max(self.promised, record.ballot)
            elif isinstance(record, AcceptedRecord):
                self.promised = max(self.promised, record.ballot)
                self.accepted[record.slot] = Vote(record.slot, record.ballot, record.value)
            elif isinstance(record, Decided):
                value = self.accepted[record.slot].value if record.value is None else record.value
                self.decided[record.slot] = value
                self._high[record.slot] = None
            else:
                raise BayouError(f"{type(record).__name__} is no record of a log")
        self._advance(self.restored)
        self._due = None

    @property
    def count(self) -> int:
        """How many slots it knows decided."""
        return self.first + len(self._high)

    @property
    def above(self) -> tuple[int, ...]:
        """The slots above the first undecided one that it knows decided."""
        return tuple(sorted(self._high))

    @property
    def has_unwritten(self) -> bool:
        """Whether slots are known decided, and that is not yet written."""
        return bool(self._unwritten)

    @property
    def knows_members(self) -> bool:
        """Whether it knows the members of its first undecided slot. A new server that was told of no members
        knows only lists that were decided since, and makes no snapshot without the one before."""
        return bool(self.membership.of(self.first))

    def is_decided(self, slot: int) -> bool:
        """Whether it knows what is decided in this slot."""
        return slot < self.first or slot in self.decided

    # The acceptor.

    def promise(self, ballot: Ballot, effects: Effects) -> None:
        """Promise a ballot not below the one promised: P1a of the paper, for all slots at once."""
        require(ballot >= self.promised, "no promise is taken back")
        if ballot > self.promised:
            self.promised = ballot
            effects.durable.append(Promised(ballot))

    def accept(self, slot: int, ballot: Ballot, value: Message, effects: Effects) -> None:
        """Accept a value in a slot in a ballot not below the one promised, which promises that ballot."""
        require(ballot >= self.promised, "nothing is accepted below what was promised")
        self.promised = ballot
        before = self.accepted.get(slot)
        if before is None or before.ballot != ballot or before.value != value:
            self.accepted[slot] = Vote(slot, ballot, value)
            effects.durable.append(AcceptedRecord(slot, ballot, value))

    def votes(self, first: int, bytes_max: int) -> tuple[tuple[Vote, ...], int | None]:
        """Return what was accepted in slots from ``first`` on, about so many bytes at most, and the slot from
        which on there is more, None where there is not."""
        votes: list[Vote] = []
        size = 0
        for slot in sorted(slot for slot in self.accepted if slot >= first):
            size += size_of(self.accepted[slot].value)
            if votes and size > bytes_max:
                return tuple(votes), slot
            votes.append(self.accepted[slot])
        return tuple(votes), None

    # The learner.

    def learn(self, slot: int, value: Message, effects: Effects) -> bool:
        """A value is decided in this slot. Return whether that is news."""
        if self.is_decided(slot):
            if slot >= self.base:
                require(self.decided[slot] == value, f"two values are decided in slot {slot}")
            return False
        vote = self.accepted.get(slot)
        if vote is not None and vote.value == value:
            self._unwritten[slot] = None  # can wait: see ``settle``
        else:
            effects.durable.append(Decided(slot, value))
        self.decided[slot] = value
        self._high[slot] = None
        effects.answers.append(Chosen(slot, value))
        self._advance(effects.answers)
        return True

    def _advance(self, answers: list[Answer]) -> None:
        """Apply what is decided, as far as there is no gap."""
        while self.first in self.decided:
            slot, value = self.first, self.decided[self.first]
            self.first += 1
            self._high.pop(slot, None)
            self.accepted.pop(slot, None)
            if isinstance(value, Members):
                self.membership.add(slot + self._options.window, value.members)
            elif isinstance(value, Command):
                verdict = self.clients.apply(value, slot)
                if verdict == APPLY:
                    answers.append(Applied(slot, value.client, value.number, value.text))
                elif verdict == TOO_OLD:
                    answers.append(Refused(value.client, value.number))

    def settle(self, effects: Effects, *, at_once: bool) -> None:
        """A step is over: write which slots are decided, if anything is written or ``at_once``; ask the
        service for a snapshot, if it is time."""
        if self._unwritten and (at_once or effects.durable or len(self._unwritten) >= UNWRITTEN_MAX):
            effects.durable.extend([Decided(slot, None) for slot in self._unwritten])
            self._unwritten.clear()
        every = self._options.snapshot_every
        if every is None or self._due is not None or not self.knows_members:
            return
        if self.first - self.base >= every:
            self._due = (self.first, self.clients.entries, list(self.membership.lists))
            effects.answers.append(TakeSnapshot(self.first))

    # Snapshots.

    def take_snapshot(self, slot: int, state: str, effects: Effects) -> None:
        """Keep the service's state as of this slot, which it was asked for, in place of what is below."""
        if self._due is None or self._due[0] != slot:
            return  # another server's, of a later slot, was taken over meanwhile
        _, clients, lists = self._due
        self._due = None
        table = Clients(self._options.forget_slots, clients)
        membership = Membership(lists, self.membership.known)
        membership.drop_below(slot)
        self._begin_anew(Snapshot(slot, pack(state, table, membership)), effects)

    def install(self, snapshot: Snapshot, effects: Effects) -> None:
        """Take over the snapshot of another server, of a slot beyond all that is applied here."""
        self._take_over(snapshot, effects.answers)
        self._begin_anew(snapshot, effects)
        self._advance(effects.answers)

    def _take_over(self, snapshot: Snapshot, answers: list[Answer]) -> None:
        content = unpack(snapshot.text)
        self._due = None
        self.snapshot, self.base, self.first = snapshot, snapshot.slot, snapshot.slot
        self._high = {slot: None for slot in self._high if slot >= snapshot.slot}
        self.clients = Clients(self._options.forget_slots, content.clients)
        known = dict.fromkeys((*self.membership.known, *content.known))
        self.membership = Membership(content.lists, known)
        answers.append(Install(snapshot.slot, content.state))

    def _begin_anew(self, snapshot: Snapshot, effects: Effects) -> None:
        """Make the snapshot durable with all that is still needed: what is above it, and the promise."""
        self.snapshot, self.base = snapshot, snapshot.slot
        for slot in [slot for slot in self.decided if slot < snapshot.slot]:
            del self.decided[slot]
        for slot in [slot for slot in self.accepted if slot < snapshot.slot]:
            del self.accepted[slot]
        self._unwritten.clear()
        effects.durable.append(snapshot)
        effects.durable.append(Promised(self.promised))
        for slot, vote in sorted(self.accepted.items()):
            effects.durable.append(AcceptedRecord(slot, vote.ballot, vote.value))
        effects.durable.extend(Decided(slot, value) for slot, value in sorted(self.decided.items()))

    def check(self) -> None:
        """Raise InvariantBroken where its state contradicts itself."""
        require(self.first not in self.decided, "what is decided without a gap is applied")
        for slot in range(self.base, self.first):
            require(slot in self.decided, f"slot {slot} is applied, and neither kept nor in a snapshot")
        for slot, vote in self.accepted.items():
            require(vote.ballot <= self.promised, f"the vote in slot {slot} is above what was promised")
            require(slot >= self.first, f"the vote in slot {slot} is of no use any more")


def size_of(value: Message) -> int:
    """Return about how many bytes a value takes in a message."""
    return 64 + (len(value.text) if isinstance(value, Command) else 0)
