"""A whole decree in a world: nodes that are started and clients that ask, until all know the value."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.decree.messages import AwaitValue, Confess, Outlive, Told
from bayou.decree.plan import MACHINES, Hopeless
from bayou.machine.messages import Failed
from bayou.worlds.world import Gone, NodeLost, NodeSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.decree.plan import Plan
    from bayou.machine.messages import Message
    from bayou.worlds.world import World


class Decision:
    """One decree. ``told`` has what each client was told, by id."""

    def __init__(self, world: World, plan: Plan, tell: Callable[[str], None]) -> None:
        """``tell`` takes lines about how far it is."""
        self.told: dict[int, str] = {}
        self._world = world
        self._plan = plan
        self._tell = tell
        self._dead: dict[int, None] = {}
        self._clients = [plan.nodes + place for place in range(len(plan.wishes))]

    def run(self) -> None:
        """Return when all clients have been told. Hopeless where that can't be any more; DeadlineExceeded
        where it takes too long."""
        self._world.begin()
        for id in range(self._plan.nodes):
            self._start(NodeSpec(id, f"node {id}", True, MACHINES, self._plan.node(id)), id)
        for place, id in enumerate(self._clients):
            self._start(
                NodeSpec(id, f"client {id}", False, MACHINES, self._plan.client(place)), self._plan.nodes
            )
        while waiting := [id for id in self._clients if id not in self.told]:
            alive = [id for id in range(self._plan.nodes) if id not in self._dead]
            orders: list[tuple[int, Message]] = [(id, AwaitValue()) for id in waiting]
            orders += [(id, Outlive()) for id in alive]
            for (id, _), answer in zip(orders, self._ask_first(orders), strict=True):
                if isinstance(answer, Told):
                    self.told[id] = answer.value
                    self._tell(f"client {id} was told {answer.value}")
                elif isinstance(answer, Failed):
                    self._bury(id)
            self._look_round()

    def _start(self, spec: NodeSpec, peers: int) -> None:
        """Start a node or client that is connected to all nodes below ``peers`` which still live."""
        try:
            answer = self._world.start(spec, [id for id in range(peers) if id not in self._dead])
        except NodeLost as error:
            self._lose(error)
            return
        except Gone:
            return
        if isinstance(answer, Failed):
            raise BayouError(f"{spec.label} could not be started: {answer.why}")

    def _ask_first(self, orders: list[tuple[int, Message]]) -> list[Message | None]:
        try:
            return self._world.ask_first(orders)
        except NodeLost as error:
            self._lose(error)
            return [None] * len(orders)

    def _lose(self, error: NodeLost) -> None:
        """Somebody else has killed a node; without a client, or the parent of all, there is nothing to do."""
        if error.node is None or error.node >= self._plan.nodes:
            raise error
        self._bury(error.node)

    def _bury(self, id: int) -> None:
        if id >= self._plan.nodes:
            raise BayouError(f"client {id} has ended before it was told anything")
        if id not in self._dead:
            self._dead[id] = None
            self._tell(f"node {id} has ended")

    def _look_round(self) -> None:
        """Hopeless where nobody can decide and tell any more, unless a learner knows: that one tells."""
        why = self._plan.hopeless(self._dead)
        if why is None or len(self.told) == len(self._clients):
            return
        first = self._plan.proposers + self._plan.acceptors
        learners = [id for id in range(first, self._plan.nodes) if id not in self._dead]
        answers = self._ask_all([(id, Confess()) for id in learners])
        if not any(isinstance(answer, Told) for answer in answers):
            waiting = ", ".join(str(id) for id in self._clients if id not in self.told)
            raise Hopeless(f"{why}; clients that have not been told: {waiting}")

    def _ask_all(self, orders: list[tuple[int, Message]]) -> list[Message]:
        try:
            return self._world.ask_all(orders) if orders else []
        except NodeLost as error:
            self._lose(error)
            return []
