"""A learner of *Paxos Made Simple*, section 2.3."""

from __future__ import annotations

from bayou.paxos.answers import Chosen
from bayou.paxos.effects import Effects
from bayou.paxos.messages import Accepted, Decide
from bayou.paxos.quorum import distinct, majority
from bayou.paxos.records import Decided, own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.machine.messages import Message
    from bayou.paxos.ballot import Ballot


class Learner:
    """Finds out which value is chosen: ``value``, None as long as it does not know.

    It counts distinct acceptors, for each ballot alone: what some accepted in one ballot and some in another
    has not been chosen, be it the same value. Half a count may be lost in a crash, as acceptors tell again.

    An Accepted of anybody but an acceptor is ignored; a Decide is believed, whoever it comes from, unless a
    value is known already. Misuse is raised for acceptors that are none, and what is no record of single
    decree.
    """

    def __init__(self, node: int, acceptors: Sequence[int], records: Iterable[object] = ()) -> None:
        """``node`` is its id; ``acceptors`` are all of them, dead ones included. With ``records`` it knows
        what it had found out before a crash."""
        self.node = node
        self.acceptors = distinct(acceptors, "acceptors")
        self.value: str | None = None
        self._majority = majority(self.acceptors)
        self._votes: dict[Ballot, dict[int, str]] = {}
        for record in own(records):
            if isinstance(record, Decided):
                self.value = record.value

    def receive(self, sender: int, message: Message) -> Effects:
        """Take an Accepted, which counts, or a Decide, which tells."""
        effects = Effects()
        if self.value is not None:
            return effects
        if isinstance(message, Decide):
            self._learn(message.value, effects)
        elif isinstance(message, Accepted) and sender in self.acceptors:
            votes = self._votes.setdefault(message.ballot, {})
            votes[sender] = message.value
            if sum(value == message.value for value in votes.values()) >= self._majority:
                self._learn(message.value, effects)
        return effects

    def _learn(self, value: str, effects: Effects) -> None:
        self.value = value
        self._votes = {}
        effects.durable.append(Decided(value))
        effects.answers.append(Chosen(value))
