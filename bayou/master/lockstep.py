"""Lock-step: after each command anti-entropy goes on until nothing more moves, whatever the timing."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.node.messages import Converge, Converged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.master.topology import Topology
    from bayou.worlds.world import World


class LockStep:
    """Brings groups of connected servers level, by as many rounds (bayou.node.rounds) as it takes.

    One is enough where the head of the tree is the primary, so the last one seen is remembered; where
    the guess was wrong, the round itself says who it is. What a round found is what counts, not what
    is remembered here.
    """

    def __init__(self, world: World, topology: Topology) -> None:
        self._world = world
        self._topology = topology
        self._rounds = 0
        self._primary: int | None = None

    def settle(self, changed: Iterable[int]) -> None:
        """Bring the groups of these servers level: equal vectors and CSNs in each, and nothing
        tentative in the primary's."""
        open_groups = [group for group in self._topology.groups(changed) if len(group) > 1]
        while open_groups:
            orders = []
            for group in open_groups:
                self._rounds += 1
                head = self._primary if self._primary in group else group[0]
                orders.append((head, Converge(self._rounds, self._topology.tree(head))))
            still_open = []
            for group, answer in zip(open_groups, self._world.ask_all(orders), strict=True):
                if not isinstance(answer, Converged):
                    raise BayouError(f"the servers {group} could not be brought level: {answer}")
                if answer.primary is not None:
                    self._primary = answer.primary
                if not answer.level:
                    still_open.append(group)
            open_groups = still_open

    def note_primary(self, server: int) -> None:
        """Remember who is said to be the primary."""
        self._primary = server
