"""Rounds: a group of connected servers is brought level along a spanning tree.

Gossip until nothing moves has the same result, at a cost that grows with the square of the group. In a
round every server of the tree is told its neighbours in it (``Converge``), and then

1. says to each one below where it stands (``Gather``), all at the same time;
2. once it has what those below have, sends what lies beyond to the one above (``AntiEntropy``), which
   so gathers at the head of the tree; the head commits it if it is the primary, having heard from every
   server connected with it, or proposes it, if it leads a commit group of which a majority takes part;
3. from the head down, sends each one below what lies beyond, and is done (``Converged``).

Three messages a connection, besides the order and its answer; a long chain takes the time of two
passes along it.
"""

from __future__ import annotations

from bayou.machine.effects import AGAIN
from bayou.machine.messages import Failed
from bayou.node.messages import ROUND, Converge, Converged, End, Gather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.errors import MissingFunction
    from bayou.node.context import Context
    from bayou.node.exchange import Exchanges


ATTEMPTS_COUNTED = 6
"""From how many attempts on patience does not grow any more."""


class Asked:
    """A request of a neighbour in the tree: where it stood, and under which serial it wants to be sent what
    lies beyond."""

    __slots__ = ("base", "csn", "serial", "vector")

    TAGS = ("serial",)

    def __init__(self, asking: Gather | End, serial: int) -> None:
        self.serial = serial
        self.csn = asking.csn
        self.vector = asking.vector
        self.base = asking.base


class Round:
    """A round in progress: the order that it carries out, and how far it has got.

    ``asked`` is what the server above asked for; ``gathered`` what those below, whose writes are in,
    ask for in return.
    """

    __slots__ = ("asked", "gathered", "level", "order", "plan")

    def __init__(self, order: int, plan: Converge) -> None:
        self.order = order
        self.plan = plan
        self.asked: Asked | None = None
        self.gathered: dict[int, Asked] = {}
        self.level = True


class Rounds:
    """The rounds that a server takes part in, one at a time: a newer one replaces the one in progress."""

    UNCOMPARED = ("_exchanges", "_peers", "_server", "due")

    def __init__(self, server: Context, exchanges: Exchanges, patience_s: float) -> None:
        self._server = server
        self._peers = server.peers
        self._exchanges = exchanges
        self._patience_s = patience_s
        self._round: Round | None = None
        self.due: float | None = None

    def start(self, order: int, plan: Converge) -> None:
        """Begin, as the master ordered."""
        server = self._server
        if server.paused or not server.is_active:
            server.answer(order, Failed("it is paused" if server.paused else "it is no active member"))
            return
        self._give_up()
        neighbours = plan.below if plan.above is None else (*plan.below, plan.above)
        if any(peer not in server.servers for peer in neighbours):
            server.answer(order, Converged(False, server.replica.is_primary, server.stand))
            return
        current = self._round = Round(order, plan)
        self.due = server.now + (self._patience_s * 2 ** min(plan.attempt, ATTEMPTS_COUNTED))
        for peer in plan.below:
            serial = self._exchanges.expect(peer, ROUND, plan.round)
            replica, position = server.replica, self._exchanges.position
            server.send(peer, Gather(plan.round, serial, replica.csn, replica.vector, position))
        if plan.above is not None:
            above = self._peers.of(plan.above)
            early, above.early = above.early, None
            if early is not None and early.round == plan.round:
                current.asked = Asked(early, early.serial)
        self._pass_up_if_gathered(current)

    def on_gather(self, peer: int, message: Gather) -> None:
        """The server above says where it stands, perhaps before this one has its own order."""
        current = self._round
        if self._server.paused:
            return
        if current is None or message.round > current.plan.round:
            at = self._peers.of(peer)
            if at.early is None or at.early.round < message.round:
                at.early = message
        elif message.round == current.plan.round and peer == current.plan.above and current.asked is None:
            current.asked = Asked(message, message.serial)
            self._pass_up_if_gathered(current)

    def pulled(self, number: int, peer: int, end: End) -> None:
        """An exchange of round ``number`` is complete."""
        current = self._round
        if current is None or number != current.plan.round:
            return
        if peer == current.plan.above:
            replica = self._server.replica
            is_level = replica.csn == end.csn and replica.vector == end.vector
            current.level = current.level and is_level
            self._spread(current)
        elif end.back is not None:
            current.gathered[peer] = Asked(end, end.back)
            self._pass_up_if_gathered(current)

    def base_begun(self, number: int) -> None:
        """Rows of a base come in, in round ``number``: it goes on when that is complete, but another round
        is to show that all are level."""
        if self._round is not None and number == self._round.plan.round:
            self._round.level = False

    def lacks(self, number: int, missing: MissingFunction) -> None:
        """In round ``number`` a write is due that can't be carried out here: this server takes no part in
        it."""
        current = self._round
        if current is not None and number == current.plan.round:
            self._round = self.due = None
            self._server.answer(current.order, Failed(str(missing)))

    def pause(self) -> None:
        """Anti-entropy stops: what is still on its way is not taken in."""
        self._give_up()
        for peer in self._peers.all():
            peer.early = None
        self._exchanges.stop_receiving(ROUND)

    def on_link_changed(self, peer: int) -> None:
        """The connection to ``peer`` is gone, or new, and with it what was asked there: a round that needs it
        fails at once."""
        current = self._round
        if current is not None and (peer == current.plan.above or peer in current.plan.below):
            self._give_up()

    def on_due(self) -> None:
        """The round takes too long: say so, and let the master begin another."""
        self._server.note(AGAIN, "a round")
        self._give_up()

    def _give_up(self) -> None:
        if self._round is not None:
            self._answer(self._round, level=False)

    def waiting(self) -> list[str]:
        """Return what is being waited for, a line each."""
        current = self._round
        if current is None:
            return []
        plan = current.plan
        missing: list[int | None] = [peer for peer in plan.below if peer not in current.gathered]
        return [f"waits in round {plan.round} for server {peer}" for peer in missing or [plan.above]]

    def _pass_up_if_gathered(self, current: Round) -> None:
        server, above = self._server, current.plan.above
        if len(current.gathered) < len(current.plan.below):
            return
        if above is None:
            server.replica.mark()
            voting = server.voting
            if voting is not None and current.plan.leads == server.replica.epoch:
                voting.lead_round()
            self._spread(current)
        elif current.asked is not None:
            asked = current.asked
            back = self._exchanges.expect(above, ROUND, current.plan.round)
            self._exchanges.serve(above, asked.serial, asked.csn, asked.vector, asked.base, back)

    def _spread(self, current: Round) -> None:
        replica = self._server.replica
        for peer, asked in current.gathered.items():
            self._exchanges.serve(peer, asked.serial, asked.csn, asked.vector, asked.base)
        self._answer(current, level=current.level and not (replica.is_primary and replica.log.tentative))

    def _answer(self, current: Round, *, level: bool) -> None:
        self._round = None
        self.due = None
        server = self._server
        server.answer(current.order, Converged(level, server.replica.is_primary, server.stand))
