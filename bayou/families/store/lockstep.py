"""Lock-step: after each command anti-entropy goes on until nothing more moves, whatever the timing."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.core.group import majority
from bayou.machine.messages import Failed
from bayou.node.messages import Converge, Converged, GroupStand, Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bayou.core.name import Name
    from bayou.families.store.topology import Topology
    from bayou.worlds.world import World


NO_GROUP = GroupStand(0, (), 0)

ROUNDS_MAX = 100
"""How many rounds a group may take at most to get level; one or two are enough for servers that are well."""


class LockStep:
    """Brings groups of connected servers level, by as many rounds (bayou.node.rounds) as it takes.

    One is enough where the head of the tree is the primary, so the last one seen is remembered; where
    the guess was wrong, the answers say who it is. What they say is what counts, not what is remembered.

    A commit group of several (bayou.core.group) takes two rounds to commit, three where nobody leads it yet:
    one of its members is the head, and may lead where a majority of them is in the tree.
    """

    def __init__(
        self,
        world: World,
        topology: Topology,
        names: Mapping[int, Name],
        look_round: Callable[[], None] = lambda: None,
        leader: int = 0,
    ) -> None:
        """``look_round`` brings ``topology`` up to date where servers have left, or crashed, by
        themselves. ``names``: of servers, by id. ``leader``: which of the members that are there leads, in
        the order of ids, counted from 0; nothing that is printed depends on it."""
        self._world = world
        self._topology = topology
        self._names = names
        self._look_round = look_round
        self._leader = leader
        self._rounds = 0
        self._primary: int | None = None
        self._stands: dict[int, GroupStand] = {}

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
            tentative: dict[int, int] = {}
            for (server, order), answer in zip(orders, answers, strict=True):
                if isinstance(answer, Failed):
                    absent[server] = answer.why
                    continue
                if not isinstance(answer, Converged):
                    raise BayouError(f"server {server} did not take part in a round: {answer}")
                if answer.primary:
                    self._primary = server
                if answer.stand is not None:
                    self._stands[server] = answer.stand
                    tentative[server] = answer.stand.tentative
                settled[server] = answer.level and (not answer.primary or order.above is None)
            if absent:
                groups = self._without(absent, [server for group in groups for server in group])
            else:
                groups = [
                    group
                    for group in groups
                    if not all(settled[server] for server in group)
                    or (self._can_decide(group) and any(tentative.get(server) for server in group))
                ]

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
        head, leads = self._primary if self._primary in group else group[0], -1
        members = self._members_in(group)
        if self._can_decide(group):
            head, leads = members[self._leader % len(members)], self._stand_of(group).epoch
        tree = self._topology.tree(head)
        return [
            (server, Converge(self._rounds, above, tuple(below), attempt, leads))
            for server, (above, below) in tree.items()
        ]

    def _stand_of(self, group: list[int]) -> GroupStand:
        """Return what is known of the commit group by those of these servers who know most of it."""
        return max([self._stands.get(server, NO_GROUP) for server in group], key=lambda stand: stand.epoch)

    def _members_in(self, group: list[int]) -> list[int]:
        """Return which of these servers are in the commit group."""
        members = self._stand_of(group).members
        return [server for server in group if self._names.get(server) in members]

    def _can_decide(self, group: list[int]) -> bool:
        """Whether a majority of a commit group of several is among these servers."""
        members = self._stand_of(group).members
        return len(members) > 1 and len(self._members_in(group)) >= majority(len(members))
