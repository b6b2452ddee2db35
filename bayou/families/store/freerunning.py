"""Free running: servers gossip by themselves, and only ``stabilize`` waits, until nothing more moves."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.core.group import majority
from bayou.machine.messages import Failed
from bayou.node.messages import Status, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bayou.core.name import Name
    from bayou.families.store.topology import Topology
    from bayou.machine.messages import Message
    from bayou.worlds.world import World


class FreeRunning:
    """Waits for quiescence by asking: a server that has something to come answers when it has moved."""

    def __init__(
        self,
        world: World,
        topology: Topology,
        names: Mapping[int, Name],
        look_round: Callable[[], None] = lambda: None,
    ) -> None:
        """``look_round`` brings ``topology`` up to date where servers have left, or crashed, by
        themselves. ``names``: of servers, by id."""
        self._world = world
        self._topology = topology
        self._names = names
        self._look_round = look_round

    def settle(self, changed: Iterable[int], *, after_failure: bool = False) -> None:
        """A command is done: servers see to the rest by themselves."""

    def note_primary(self, server: int) -> None:
        """Who is the primary makes no difference here."""

    def stabilize(self) -> None:
        """Return when nothing more can move: in each group of connected servers all vectors and CSNs are
        equal, and the primary has nothing tentative."""
        known, is_fresh = self._ask_all(), True
        while True:
            groups = self._topology.groups(self._topology.servers)
            if not all(server in known for group in groups for server in group):
                known, is_fresh = self._ask_all(), True
                continue
            moving = [
                server for group in groups if who_is_behind(group, known, self._names) for server in group
            ]
            if moving:
                self._await_move(moving, known)
                is_fresh = False
            elif is_fresh:
                return
            else:
                known, is_fresh = self._ask_all(), True

    def _ask_all(self) -> dict[int, Status]:
        """Return where all servers stand."""
        servers = self._topology.servers
        known: dict[int, Status] = {}
        self._note(servers, self._world.ask_all([(server, Watch()) for server in servers]), known)
        return known

    def _await_move(self, moving: list[int], known: dict[int, Status]) -> None:
        """Wait until one of these servers has moved, and note where it stands; or until one has left or
        crashed, who may have been the one that had what the others lacked."""
        watches = [
            (server, Watch(known[server].csn, known[server].vector, known[server].tentative))
            for server in moving
        ]
        self._note(moving, self._world.ask_first(watches), known)

    def _note(
        self, servers: Iterable[int], answers: Iterable[Message | None], known: dict[int, Status]
    ) -> None:
        for server, answer in zip(servers, answers, strict=True):
            if isinstance(answer, Status):
                known[server] = answer
            elif isinstance(answer, Failed):
                self._look_round()
                if self._topology.kind(server) == "server":
                    raise BayouError(f"server {server} did not say where it stands: {answer.why}")
            elif answer is not None:
                raise BayouError(f"server {server} did not say where it stands: {answer}")


def who_is_behind(group: Iterable[int], known: Mapping[int, Status], names: Mapping[int, Name]) -> list[int]:
    """Return the servers of a connected group to which something is still to come: they lack what another one
    has, or are the primary and have something to commit, or have that where a majority of the commit group is
    among them, or are about to leave.

    Where all have retired, and wait for somebody to be connected to whom they can hand over, nothing comes.
    """
    statuses = {server: known[server] for server in group}
    if all(status.retired for status in statuses.values()):
        return []
    csn = max(status.csn for status in statuses.values())
    union, *others = (status.vector for status in statuses.values())
    for vector in others:
        if vector != union:
            union = union.merged(vector)
    stands = [status.stand for status in statuses.values() if status.stand is not None]
    members = max(stands, key=lambda stand: stand.epoch).members if stands else ()
    present = sum(names.get(server) in members for server in statuses)
    can_decide = len(members) > 1 and present >= majority(len(members))
    return [
        server
        for server, status in statuses.items()
        if status.csn < csn
        or not status.vector.covers(union)
        or ((status.primary or can_decide) and status.tentative)
        or status.retired
    ]
