"""A node that plays all three roles."""

from __future__ import annotations

from bayou.core.errors import Misuse
from bayou.paxos.acceptor import Acceptor
from bayou.paxos.answers import Chosen
from bayou.paxos.effects import Effects
from bayou.paxos.learner import Learner
from bayou.paxos.messages import Accept, Accepted, Decide, Nack, Prepare, Promise
from bayou.paxos.proposer import Proposer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.machine.messages import Message


class Node:
    """Proposer, acceptor and learner in one (*Paxos Made Simple*, section 2: "a single process may act as
    more than one agent"). What they say to each other never leaves the node: it is done within the same
    input, whose records are durable before anything else hears of it.

    Once it knows the value it answers each Prepare and Accept with that, and prepares no more.

    What comes from nobody of ``nodes``, or is no message for any role, is ignored. Misuse is raised for
    nodes without this one, or with one of them twice, and for records that are another's.
    """

    def __init__(self, node: int, nodes: Sequence[int], records: Iterable[object] = ()) -> None:
        """``node`` is its id, ``nodes`` are those of all nodes, itself among them, dead ones included. With
        ``records`` it goes on where it was before a crash."""
        kept = tuple(records)
        self.node = node
        self.proposer = Proposer(node, nodes, kept)
        self.nodes = self.proposer.acceptors
        if node not in self.nodes:
            raise Misuse(f"node {node} is none of {self.nodes}")
        self.acceptor = Acceptor(node, self.nodes, kept)
        self.learner = Learner(node, self.nodes, kept)
        self.others = tuple(other for other in self.nodes if other != node)
        self.proposer.see(self.acceptor.promised)

    @property
    def value(self) -> str | None:
        """The value that is chosen, None as long as it does not know."""
        return self.learner.value

    def propose(self, value: str) -> Effects:
        """Try to get ``value`` chosen; the answer is Chosen at once where one is known already."""
        return self._settle(self.proposer.propose(value))

    def prepare(self) -> Effects:
        """Begin phase 1 with a new ballot; the answer is Chosen at once where a value is known already."""
        if self.value is not None:
            effects = Effects()
            effects.answers.append(Chosen(self.value))
            return effects
        return self._settle(self.proposer.prepare())

    def receive(self, sender: int, message: Message) -> Effects:
        """Take a message of any role of another node."""
        if sender not in self.others:
            return Effects()
        return self._settle(self._hand(sender, message))

    def resend(self, everyone: bool = False) -> Effects:
        """Ask again those who have not answered; with ``everyone`` all of them, and once the value is known
        tell it to all others."""
        if self.value is None:
            return self._settle(self.proposer.resend(everyone))
        effects = Effects()
        if everyone:
            effects.sends += [(other, Decide(self.value)) for other in self.others]
        return effects

    def _settle(self, first: Effects) -> Effects:
        """Hand out what its roles say to each other, until they have no more to say."""
        done = Effects()
        waiting = [first]
        for some in waiting:
            done.durable += some.durable
            done.answers += some.answers
            for to, message in some.sends:
                if to == self.node:
                    waiting.append(self._hand(to, message))
                else:
                    done.sends.append((to, message))
        return done

    def _hand(self, sender: int, message: Message) -> Effects:
        """Give a message to the role that it is for."""
        if isinstance(message, (Prepare, Accept)):
            if self.value is not None:
                effects = Effects()
                effects.sends.append((sender, Decide(self.value)))
                return effects
            self.proposer.see(message.ballot)
            return self.acceptor.receive(sender, message)
        if isinstance(message, (Promise, Nack)):
            return self.proposer.receive(sender, message)
        effects = self.learner.receive(sender, message)
        if isinstance(message, Accepted):
            self.proposer.receive(sender, message)  # the learner, which counts the same, has told
        if effects.answers:
            self.proposer.receive(self.node, Decide(effects.answers[0].value))
        return effects
