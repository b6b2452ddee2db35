"""Lock-step: after each command anti-entropy goes on until nothing more moves, whatever the timing."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.machine.messages import Failed
from bayou.node.messages import Converge, Converged, Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bayou.families.store.topology import Topology
    from bayou.worlds.world import World


ROUNDS_MAX = 100
"""How many rounds a group may take at most to get level; one or two are enough for servers that are well."""


class LockStep:
    """Brings groups of connected servers level, by as many rounds (bayou.node.rounds) as it takes.

    One is enough where the head of the tree is the primary, so the last one seen is remembered; where
    the guess was wrong, the answers say who it is. What they say is what counts, not what is remembered.
    """

    def __init__(
        self, world: World, topology: Topology, look_round: Callable[[], None] = lambda: None
    ) -> None:
        """``look_round`` brings ``topology`` up to date where servers have left, or crashed, by
        themselves."""
        self._world = world
        self._topology = topology
        self._look_round = look_round
        self._rounds = 0
        self._primary: int | None = None

    def settle(self, changed: Iterable[int], *, after_failure: bool = False) -> None:
        """Bring the groups of these servers level: equal vectors and CSNs in each, and nothing
        tentative in the primary's.

        A server by itself is level already, unless a round was given up before (``after_failure``): it may be
        the primary, and have taken something in without marking it.
        """
        groups = self._groups(changed, 1 if after_failure else 2)
        attempt = 0
        while groups:
            orders = [order for group in groups for order in self._plan(group, attempt)]
            attempt += 1
            if attempt > ROUNDS_MAX:
                lagging = ", ".join(str(server) for group in groups for server in group)
                raise BayouError(f"servers {lagging} are not level after {ROUNDS_MAX} rounds")
            answers = self._world.ask_all(orders)
            settled: dict[int, bool] = {}
            absent: dict[int, str] = {}
            for (server, order), answer in zip(orders, answers, strict=True):
                if isinstance(answer, Failed):
                    absent[server] = answer.why
                    continue
                if not isinstance(answer, Converged):
                    raise BayouError(f"server {server} did not take part in a round: {answer}")
                if answer.primary:
                    self._primary = server
                settled[server] = answer.level and (not answer.primary or order.above is None)
            if absent:
                groups = self._without(absent, [server for group in groups for server in group])
            else:
                groups = [group for group in groups if not all(settled[server] for server in group)]

    def stabilize(self) -> None:
        """Bring all groups level; they are so already unless anti-entropy was stopped."""
        self.settle(self._topology.servers, after_failure=True)

    def note_primary(self, server: int) -> None:
        """Remember who is said to be the primary."""
        self._primary = server

    def _groups(self, members: Iterable[int], size_min: int) -> list[list[int]]:
        """Return the groups of these servers that have at least so many members."""
        return [group for group in self._topology.groups(members) if len(group) >= size_min]

    def _without(self, absent: Mapping[int, str], members: Iterable[int]) -> list[list[int]]:
        """Return the groups that are to be brought level after a round in which some took no part."""
        self._look_round()
        groups = [
            group
            for group in self._groups(members, 1)
            if not all(server in absent for server in group)  # where all are leaving nothing moves
        ]
        remaining = [server for group in groups for server in group]
        self._see_off([server for server in remaining if server in absent], absent)
        return self._groups(remaining, 1)

    def _see_off(self, leaving: Iterable[int], absent: Mapping[int, str]) -> None:
        """These servers took no part in a round: they are leaving, as their retirement was given up and
        goes on by itself. Wait for those who can hand over to somebody: that has to be where it belongs
        first."""
        for server in leaving:
            status = self._world.ask(server, Watch())
            if not isinstance(status, Status):
                continue  # it has left meanwhile
            if not status.retired:
                raise BayouError(f"server {server} takes no part in rounds: {absent[server]}")
            if any(other not in absent for other in self._topology.neighbours(server)):
                self._world.ask(server, Watch(status.csn, status.vector, status.tentative))
        self._look_round()

    def _plan(self, group: list[int], attempt: int) -> list[tuple[int, Converge]]:
        """Return the orders of one round for a group."""
        self._rounds += 1
        tree = self._topology.tree(self._primary if self._primary in group else group[0])
        return [
            (server, Converge(self._rounds, above, tuple(below), attempt))
            for server, (above, below) in tree.items()
        ]
