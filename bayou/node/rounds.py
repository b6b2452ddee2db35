"""Rounds: a group of connected servers is brought level along a spanning tree, with four messages a link.

Gossip until nothing moves has the same result, at a cost that grows with the square of the group. A
round gathers what everybody has towards the head of the tree, lets the head commit it if it is the
primary (it has then heard from every server connected with it), and spreads the result back:

1. ``Gather`` goes down the tree, and says where the node above stands;
2. each node, once it has its children's, sends what lies beyond to the node above (``AntiEntropy``),
   and says where it now stands itself;
3. from the head down, each node sends each child what lies beyond that (``AntiEntropy``);
4. ``Settled`` comes back up and says whether all are level.
"""

from __future__ import annotations

from bayou.node.messages import ROUND, Converge, Converged, End, Failed, Gather, Settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.vector import VersionVector
    from bayou.node.server import Server


def subtrees(tree: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
    """Split a tree (see Gather) below its head: (child, tree that it heads) pairs.

    >>> subtrees((0, 4, 1, 2, 2, 1, 3, 1))
    [(1, (1, 2, 2, 1)), (3, (3, 1))]
    """
    found = []
    at = 2
    while at < len(tree):
        stop = at + 2 * tree[at + 1]
        found.append((tree[at], tree[at:stop]))
        at = stop
    return found


def is_tree(tree: tuple[int, ...], head: int) -> bool:
    """Whether this is a tree headed by ``head`` whose children's parts fill it exactly."""
    if len(tree) % 2 or tree[:2] != (head, len(tree) // 2):
        return False
    at = 2
    while at < len(tree):
        size = tree[at + 1]
        if size < 1:
            return False
        at += 2 * size
    return at == len(tree)


class Asked:
    """Where somebody stood who asked to be sent what lies beyond, and under which serial."""

    __slots__ = ("csn", "serial", "vector")

    def __init__(self, serial: int, csn: int, vector: VersionVector) -> None:
        self.serial = serial
        self.csn = csn
        self.vector = vector


class Round:
    """A round in progress at one node.

    ``order`` is the number of the master's order at the head, None elsewhere, where ``above`` is the
    id of the node above and ``asked`` what it asked.
    """

    def __init__(self, number: int, tree: tuple[int, ...]) -> None:
        self.number = number
        self.children = subtrees(tree)
        self.order: int | None = None
        self.above: int | None = None
        self.asked: Asked | None = None
        self.gathered: dict[int, Asked] = {}
        self.settled: dict[int, None] = {}
        self.level = True
        self.primary: int | None = None


class Rounds:
    """The rounds that a server takes part in, one at a time: a newer one replaces the one in progress."""

    def __init__(self, server: Server, patience_s: float) -> None:
        self._server = server
        self._patience_s = patience_s
        self._round: Round | None = None
        self._latest: int | None = None
        self.due: float | None = None

    def start(self, order: int, message: Converge) -> None:
        """Begin a round at its head, as the master ordered."""
        server = self._server
        if server.paused or not server.is_active:
            server.answer(order, Failed("it is paused" if server.paused else "it is no active member"))
            return
        current = self._begin(message.round, message.tree)
        current.order = order
        self.due = server.now + self._patience_s
        self._gather(current)

    def on_gather(self, peer: int, message: Gather) -> None:
        """Take part in a round that the node above asks for."""
        server = self._server
        if server.paused or not server.is_active or not is_tree(message.tree, server.id):
            return
        if message.round == self._latest:
            return  # sent twice: it is in progress, or over
        current = self._begin(message.round, message.tree)
        current.above = peer
        current.asked = Asked(message.serial, message.csn, message.vector)
        self._gather(current)

    def on_settled(self, peer: int, message: Settled) -> None:
        """A child's part of the tree is done."""
        current = self._round
        if current is None or message.round != current.number or peer not in current.gathered:
            return
        current.settled[peer] = None
        current.level = current.level and message.level
        if message.primary is not None:
            current.primary = message.primary
        self._finish_if_done(current)

    def pulled(self, number: int, peer: int, end: End) -> None:
        """An exchange of round ``number`` is complete."""
        current = self._round
        if current is None or number != current.number:
            return
        if peer == current.above:
            replica = self._server.replica
            current.level = replica.csn == end.csn and replica.vector == end.vector
            self._spread(current)
        elif end.back is not None:
            current.gathered[peer] = Asked(end.back, end.csn, end.vector)
            self._pass_up_if_gathered(current)

    def on_due(self) -> None:
        """The round takes too long: say so, and let the master begin another one."""
        self._give_up()

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        current = self._round
        if current is None:
            return []
        missing = [child for child, _ in current.children if child not in current.settled]
        return [f"waits for server {child} to settle in round {current.number}" for child in missing]

    def _begin(self, number: int, tree: tuple[int, ...]) -> Round:
        self._give_up()
        self._latest = number
        self._round = Round(number, tree)
        return self._round

    def _gather(self, current: Round) -> None:
        server = self._server
        for child, tree in current.children:
            serial = server.exchanges.expect(child, ROUND, current.number)
            server.send(
                child, Gather(current.number, tree, serial, server.replica.csn, server.replica.vector)
            )
        self._pass_up_if_gathered(current)

    def _pass_up_if_gathered(self, current: Round) -> None:
        if len(current.gathered) < len(current.children):
            return
        server = self._server
        if current.above is None or current.asked is None:
            server.replica.mark()
            self._spread(current)
        else:
            asked = current.asked
            back = server.exchanges.expect(current.above, ROUND, current.number)
            server.exchanges.serve(current.above, asked.serial, asked.csn, asked.vector, back)

    def _spread(self, current: Round) -> None:
        for child, asked in current.gathered.items():
            self._server.exchanges.serve(child, asked.serial, asked.csn, asked.vector)
        if self._server.replica.is_primary:
            current.primary = self._server.id
        self._finish_if_done(current)

    def _finish_if_done(self, current: Round) -> None:
        if len(current.settled) < len(current.children):
            return
        server = self._server
        if current.above is not None:
            server.send(current.above, Settled(current.number, current.level, current.primary))
        elif current.order is not None:
            level = current.level and (current.primary is None or not server.replica.log.tentative)
            server.answer(current.order, Converged(level, current.primary))
        self._round = None
        self.due = None

    def _give_up(self) -> None:
        current = self._round
        self._round = None
        self.due = None
        if current is not None and current.order is not None:
            self._server.answer(current.order, Converged(level=False, primary=current.primary))
