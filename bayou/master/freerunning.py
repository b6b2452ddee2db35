"""Free running: servers gossip by themselves, and only ``stabilize`` waits, until nothing more moves."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.node.messages import Failed, Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bayou.master.topology import Topology
    from bayou.worlds.world import World


class FreeRunning:
    """Waits for quiescence by asking: a server that has something to come answers when it has moved."""

    def __init__(self, world: World, topology: Topology) -> None:
        self._world = world
        self._topology = topology

    def settle(self, changed: Iterable[int]) -> None:
        """A command is done: servers see to the rest by themselves."""

    def note_primary(self, server: int) -> None:
        """Who is the primary makes no difference here."""

    def stabilize(self) -> None:
        """Return when nothing more can move: in each group of connected servers all vectors and CSNs are
        equal, and the primary has nothing tentative."""
        gone: dict[int, None] = {}
        while True:
            servers = [server for server in self._topology.servers if server not in gone]
            known = self._ask({server: Watch() for server in servers}, gone)
            groups = [
                [server for server in group if server not in gone] for group in self._topology.groups(servers)
            ]
            behind = [server for group in groups if group for server in who_is_behind(group, known)]
            if not behind:
                return
            self._ask(
                {
                    server: Watch(known[server].csn, known[server].vector, known[server].tentative)
                    for server in behind
                },
                gone,
            )

    def _ask(self, watches: Mapping[int, Watch], gone: dict[int, None]) -> dict[int, Status]:
        """Return the answers; servers that were about to leave, and have, are added to ``gone``."""
        answers = self._world.ask_all(list(watches.items()))
        known = {}
        for server, answer in zip(watches, answers, strict=True):
            if isinstance(answer, Failed):
                gone[server] = None
                continue
            if not isinstance(answer, Status):
                raise BayouError(f"server {server} did not say where it stands: {answer}")
            known[server] = answer
        return known


def who_is_behind(group: Iterable[int], known: Mapping[int, Status]) -> list[int]:
    """Return the servers of a connected group to which something is still to come: they lack what another
    one has, or are the primary and have something to commit, or are about to leave."""
    statuses = {server: known[server] for server in group}
    csn = max(status.csn for status in statuses.values())
    union, *others = (status.vector for status in statuses.values())
    for vector in others:
        if vector != union:
            union = union.merged(vector)
    return [
        server
        for server, status in statuses.items()
        if status.csn < csn
        or not status.vector.covers(union)
        or (status.primary and status.tentative)
        or status.retired
    ]
