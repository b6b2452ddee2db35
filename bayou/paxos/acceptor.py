"""An acceptor of *Paxos Made Simple*, section 2.2."""

from __future__ import annotations

from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.messages import Accept, Accepted, Nack, Prepare, Promise
from bayou.paxos.records import AcceptedRecord, Promised, own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.machine.messages import Message


class Acceptor:
    """The memory of what may have been chosen.

    - ``promised``: it accepts nothing below this ballot; Ballot.NONE where it has promised none;
    - ``accepted``: what it accepted with the highest ballot, None for nothing.

    Anybody may be a proposer. What is no message for an acceptor is ignored. Misuse is raised for what is no
    record of single decree.
    """

    def __init__(self, node: int, learners: Sequence[int] = (), records: Iterable[object] = ()) -> None:
        """``node`` is its id; ``learners`` are told what it accepts. With ``records`` it keeps what it
        promised before a crash."""
        self.node = node
        self.learners = tuple(dict.fromkeys(learners))
        self.promised = Ballot.NONE
        self.accepted: Accepted | None = None
        for record in own(records):
            if isinstance(record, Promised):
                self.promised = max(self.promised, record.ballot)
            elif isinstance(record, AcceptedRecord):
                self.promised = max(self.promised, record.ballot)
                if self.accepted is None or record.ballot > self.accepted.ballot:
                    self.accepted = Accepted(record.ballot, record.value)

    def receive(self, sender: int, message: Message) -> Effects:
        """Take a Prepare or an Accept; what is below the promise is refused with a Nack, and what was
        answered before is answered again."""
        effects = Effects()
        if isinstance(message, Prepare):
            self._promise(sender, message.ballot, effects)
        elif isinstance(message, Accept):
            self._accept(sender, message, effects)
        return effects

    def _promise(self, sender: int, ballot: Ballot, effects: Effects) -> None:
        """Phase 1 (b): promise to accept nothing below ``ballot`` any more, and tell the highest-numbered
        proposal that was accepted."""
        if ballot < self.promised:
            effects.sends.append((sender, Nack(ballot, self.promised)))
            return
        if ballot > self.promised:
            self.promised = ballot
            effects.durable.append(Promised(ballot))
        effects.sends.append((sender, Promise(ballot, self.accepted)))

    def _accept(self, sender: int, proposal: Accept, effects: Effects) -> None:
        """P1a: accept a proposal unless a higher ballot is promised. Section 2.3: tell each learner.

        Two values in one ballot break what all proposers keep to; the second one is ignored.
        """
        ballot, value = proposal.ballot, proposal.value
        if ballot < self.promised:
            effects.sends.append((sender, Nack(ballot, self.promised)))
            return
        accepted = Accepted(ballot, value)
        if self.accepted is None or ballot > self.accepted.ballot:
            self.promised, self.accepted = ballot, accepted
            effects.durable.append(AcceptedRecord(ballot, value))
        elif accepted != self.accepted:
            return
        told = dict.fromkeys((sender, *self.learners))
        effects.sends += [(node, accepted) for node in told]
