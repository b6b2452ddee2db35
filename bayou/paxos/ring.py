"""The election on a ring of Chang and Roberts (*An improved algorithm for decentralized extrema-finding in
circular configurations of processes*, 1979)."""

from __future__ import annotations

from bayou.core.errors import Misuse
from bayou.paxos.answers import LeaderChanged
from bayou.paxos.effects import Effects
from bayou.paxos.messages import Elected, Election
from bayou.paxos.quorum import distinct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.machine.messages import Message


class RingElection:
    """Elects the highest id: each node sends its id to the next one, passes on larger ids, swallows smaller
    ones, and is elected when its own returns, which it then tells all round the ring.

    ``leader`` is who was elected, None as long as this node does not know. Messages may be lost, doubled or
    late, as long as somebody calls ``resend`` now and then; nodes that are down for good stop the election.

    What comes from nobody on the ring, or names nobody on it, is ignored. Misuse is raised for a ring without
    the node, or with one twice.
    """

    def __init__(self, node: int, ring: Sequence[int]) -> None:
        """``node`` is its id; ``ring`` has the ids of all nodes, clockwise."""
        self.node = node
        self.ring = distinct(ring, "nodes of a ring")
        if node not in self.ring:
            raise Misuse(f"node {node} is none of the ring {self.ring}")
        self.leader: int | None = None
        self._next = self.ring[(self.ring.index(node) + 1) % len(self.ring)]
        self._highest: int | None = None
        self._is_told = False

    def start(self) -> Effects:
        """Take part: send the own id clockwise, unless this node has passed on a larger one."""
        effects = Effects()
        if self._highest is None:
            self._pass_on(self.node, effects)
        return effects

    def resend(self) -> Effects:
        """Send again what may have been lost: the largest id seen as long as nobody is elected, and by the
        elected, that it is, until that has gone round."""
        effects = Effects()
        if self.leader is None:
            if self._highest is not None:
                effects.sends.append((self._next, Election(self._highest)))
        elif self.leader == self.node and not self._is_told:
            effects.sends.append((self._next, Elected(self.node)))
        return effects

    def receive(self, sender: int, message: Message) -> Effects:
        """Take a message of the node before this one."""
        effects = Effects()
        if sender not in self.ring:
            return effects
        if isinstance(message, Election) and message.id in self.ring:
            if message.id >= self.node:
                self._pass_on(message.id, effects)
            elif self._highest is None:
                self._pass_on(self.node, effects)  # swallowed; this node takes part from now on
        elif isinstance(message, Elected) and message.id in self.ring:
            self._hear(message.id, effects)
        return effects

    def _pass_on(self, id: int, effects: Effects) -> None:
        if id == self.node and (self._highest is not None or self._next == self.node):
            self._be_elected(effects)
            return
        self._highest = id if self._highest is None else max(self._highest, id)
        effects.sends.append((self._next, Election(id)))

    def _be_elected(self, effects: Effects) -> None:
        """The own id has come back: no node on the ring has a larger one, or it would have been swallowed."""
        self._highest = self.node
        if self._next == self.node:
            self._is_told = True
        elif not self._is_told:
            effects.sends.append((self._next, Elected(self.node)))
        self._follow(self.node, effects)

    def _hear(self, id: int, effects: Effects) -> None:
        if id == self.node:
            self._is_told = True
            return
        self._highest = id if self._highest is None else max(self._highest, id)
        effects.sends.append((self._next, Elected(id)))
        self._follow(id, effects)

    def _follow(self, id: int, effects: Effects) -> None:
        if self.leader != id:
            self.leader = id
            effects.answers.append(LeaderChanged(id))
