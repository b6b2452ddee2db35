"""A proposer of *Paxos Made Simple*, section 2.2."""

from __future__ import annotations

from bayou.core.errors import Misuse
from bayou.paxos.answers import Chosen, Preempted
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.messages import Accept, Accepted, Decide, Nack, Prepare, Promise
from bayou.paxos.quorum import distinct, majority
from bayou.paxos.records import Decided, Used, own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.machine.messages import Message


class Proposer:
    """Gets a value chosen: its own, or the one that may have been chosen before.

    - ``ballot``: the one that it tries, or tried last; Ballot.NONE before the first;
    - ``is_live``: whether it has such a ballot, and has not given it up;
    - ``wish``: the value to try where none is found, None for none yet;
    - ``value``: the chosen value as far as it knows, None for none.

    What comes from anybody but an acceptor, or is no message for a proposer, or of another ballot, is
    ignored. Misuse is raised for acceptors that are none, for records that are another's, and for None as a
    value to propose.
    """

    def __init__(self, node: int, acceptors: Sequence[int], records: Iterable[object] = ()) -> None:
        """``node`` is its id; ``acceptors`` are all of them, dead ones included. With ``records`` it uses no
        ballot again that it has used before."""
        self.node = node
        self.acceptors = distinct(acceptors, "acceptors")
        self.ballot = Ballot.NONE
        self.wish: str | None = None
        self.value: str | None = None
        self._majority = majority(self.acceptors)
        self._highest = 0
        self._promises: dict[int, Accepted | None] = {}
        self._proposed: str | None = None
        self._accepted: dict[int, None] = {}
        self.is_live = False
        self._is_waiting = False  # whether it wants more answers
        for record in own(records):
            if isinstance(record, Used):
                if record.ballot.node != node:
                    raise Misuse(f"{record} is no record of proposer {node}")
                self.see(record.ballot)
            elif isinstance(record, Decided):
                self.value = self.wish = record.value

    @property
    def is_prepared(self) -> bool:
        """Whether a majority has promised its ballot, which nobody has refused since, as far as it knows."""
        return self.is_live and len(self._promises) >= self._majority

    def propose(self, value: str) -> Effects:
        """Try to get ``value`` chosen; where something else may have been chosen already, that.

        Goes straight to phase 2 where a majority has promised, so that a ballot can be prepared beforehand.
        A later value takes the place of an earlier one, unless that has been proposed in this ballot.
        """
        if value is None:
            raise Misuse("None is no value to propose: it stands for none")
        effects = Effects()
        if self.value is not None:
            effects.answers.append(Chosen(self.value))
            return effects
        self.wish = value
        if not self.is_live:
            return self.prepare()
        self._propose_once_prepared(effects)
        return effects

    def prepare(self) -> Effects:
        """Begin phase 1 with a new ballot above all that it has seen.

        Different proposers have different ballots, and this one never uses one twice (section 2.5), as
        ``Used`` is durable before the first request leaves.
        """
        self._highest += 1
        self.ballot = Ballot(self._highest, self.node)
        self._promises = {}
        self._proposed = None
        self._accepted = {}
        self.is_live = self._is_waiting = True
        effects = Effects()
        effects.durable.append(Used(self.ballot))
        effects.sends += [(acceptor, Prepare(self.ballot)) for acceptor in self.acceptors]
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Take a Promise, an Accepted, a Nack or a Decide of an acceptor."""
        effects = Effects()
        if sender not in self.acceptors:
            return effects
        if isinstance(message, Promise):
            self._take_promise(sender, message, effects)
        elif isinstance(message, Accepted):
            self._take_accepted(sender, message, effects)
        elif isinstance(message, Nack):
            self._take_nack(message, effects)
        elif isinstance(message, Decide):
            self._choose(message.value, effects)
        return effects

    def resend(self, everyone: bool = False) -> Effects:
        """Ask again those who have not answered, as long as answers are wanted; with ``everyone`` all of
        them, also once a value is chosen: an acceptor that gets an Accept again tells its learners again.
        Where the ballot has been refused there is nothing to ask: then a new one is to be prepared."""
        effects = Effects()
        if not self.is_live or not (self._is_waiting or everyone):
            return effects
        self._is_waiting = True
        message: Message
        if self._proposed is not None:
            message, answered = Accept(self.ballot, self._proposed), tuple(self._accepted)
        else:
            message, answered = Prepare(self.ballot), tuple(self._promises)
            if self.is_prepared:
                return effects  # and has nothing to propose
        effects.sends += [
            (acceptor, message) for acceptor in self.acceptors if everyone or acceptor not in answered
        ]
        return effects

    def abandon(self) -> None:
        """Give up the ballot, as somebody tries a higher one (section 2.2). The next one is above it."""
        self.is_live = self._is_waiting = False

    def see(self, ballot: Ballot) -> None:
        """Somebody uses this ballot: the next one of this proposer is above it."""
        self._highest = max(self._highest, ballot.number)

    def _take_promise(self, sender: int, promise: Promise, effects: Effects) -> None:
        """Phase 1 is over with the promises of a majority. What an acceptor said first in this ballot counts;
        one that says to have accepted this ballot, or a higher one, has no part in it."""
        accepted = promise.accepted
        if promise.ballot != self.ballot or not self.is_live or self._proposed is not None:
            return
        if accepted is None or (isinstance(accepted, Accepted) and accepted.ballot < self.ballot):
            self._promises.setdefault(sender, accepted)
            self._propose_once_prepared(effects)

    def _propose_once_prepared(self, effects: Effects) -> None:
        """P2c: propose the value of the highest-numbered proposal among those that a majority has accepted,
        one's own only where none of them has accepted any. Each ballot has one value, for good."""
        if not self.is_prepared or self._proposed is not None:
            return
        found = [accepted for accepted in self._promises.values() if accepted is not None]
        value = max(found, key=_ballot_of).value if found else self.wish
        if value is None:
            return
        self._proposed = value
        effects.sends += [(acceptor, Accept(self.ballot, value)) for acceptor in self.acceptors]

    def _take_accepted(self, sender: int, accepted: Accepted, effects: Effects) -> None:
        """Section 2.2: a value is chosen once a majority of acceptors has accepted it, in one ballot."""
        if accepted.ballot != self.ballot or self._proposed is None or accepted.value != self._proposed:
            return
        self._accepted[sender] = None
        if len(self._accepted) >= self._majority:
            self._choose(accepted.value, effects)

    def _take_nack(self, nack: Nack, effects: Effects) -> None:
        """Section 2.2: "it is probably a good idea to abandon a proposal if some proposer has begun trying to
        issue a higher-numbered one"."""
        self.see(nack.promised)
        if nack.ballot != self.ballot or nack.promised <= self.ballot or not self.is_live:
            return
        if self._is_waiting:
            effects.answers.append(Preempted(nack.promised))
        self.abandon()

    def _choose(self, value: str, effects: Effects) -> None:
        self._is_waiting = False
        if self.value is None:
            self.value = self.wish = value
            effects.answers.append(Chosen(value))


def _ballot_of(accepted: Accepted) -> Ballot:
    return accepted.ballot
