"""What must hold of any chat or lock scenario, whatever it does: the twin is held to it after each line.

``python -m tests.consensus_properties chat 0 5000`` looks at so many random scenarios.
"""

from __future__ import annotations

import sys
from copy import deepcopy

from tests.consensus_cluster import MASTER, Cluster, Command, Value, require, view_of
from tests.consensus_generator import scenario
from tests.consensus_locks import Table
from tests.consensus_twin import ConsensusTwin, Outcome


class Judge:
    """Goes along with a twin. What was ever decided stays in ``decided``, and what a client was shown in
    ``views``."""

    def __init__(self) -> None:
        self.decided: dict[int, Value] = {}
        self.views: dict[int, list[tuple[int, Command]]] = {}

    def look(self, cluster: Cluster) -> None:
        """All is at rest after a line: hold it to everything that it can be held to."""
        for node in cluster.nodes():
            for slot, value in node.known.items():
                require(self.decided.setdefault(slot, value) == value, f"slot {slot} has one value for ever")
        self._accepted_by_majorities(cluster)
        self._everybody_knows(cluster)
        for number, client in cluster.clients.items():
            view, before = client.view(), self.views.get(number, [])
            require(view[: len(before)] == before, f"the view of client {number} only grows")
            self.views[number] = view
        for view in self.views.values():
            longest = max(self.views.values(), key=len)
            require(longest[: len(view)] == view, "all views are prefixes of one log")
            self._each_once_and_in_order(view)
        self._nothing_is_left_to_do(cluster)

    def _accepted_by_majorities(self, cluster: Cluster) -> None:
        for slot, value in self.decided.items():
            count = sum(
                server.accepted[slot][1] == value for server in cluster.servers if slot in server.accepted
            )
            require(count * 2 > len(cluster.servers), f"a majority has slot {slot} as it was decided")

    def _everybody_knows(self, cluster: Cluster) -> None:
        master = cluster.clients[MASTER].known
        require(master == self.decided == cluster.told(), "the master was told whatever is decided")
        for client in cluster.clients.values():
            require(not client.alive or client.known == master, "all clients know the same")
        living = [server.known for server in cluster.servers if server.alive]
        require(all(known == living[0] for known in living), "all live servers know the same")

    def _each_once_and_in_order(self, view: list[tuple[int, Command]]) -> None:
        numbers: dict[int, int] = {}
        for _, command in view:
            before = numbers.get(command.client, 0)
            require(command.number == before + 1, "each client's commands come in order, none twice")
            numbers[command.client] = command.number
        slots = [slot for slot, _ in view]
        require(slots == sorted(set(slots)), "a slot shows one command")

    def _nothing_is_left_to_do(self, cluster: Cluster) -> None:
        if not cluster.has_majority:
            return
        require(cluster.leader is not None, "a majority has a leader")
        known = set(self.decided.values())
        waiting = list(cluster.waiting())
        held_back = {command.client for command in waiting if command in known}
        require(
            all(command.client in held_back for command in waiting),
            "with a majority nothing waits but behind a skipped slot",
        )


def look_at_locks(cluster: Cluster) -> None:
    """Hold the lock table to what does not follow from how it is written down."""
    table = Table(view_of(cluster.clients[MASTER].known))
    tokens: dict[int, int] = {}
    for slot, number, _ in table.grants:
        require(slot > tokens.get(number, -1), f"the tokens of lock {number} only grow")
        tokens[number] = slot
    for lock in table.locks.values():
        places = [client for client in (lock.holder, *lock.queue) if client is not None]
        require(len(set(places)) == len(places), "a client has one place at a lock")
        require(not table.expired & set(places), "an expired client has none")
        require(lock.holder is not None or not lock.queue, "nobody waits for a free lock")


def state_of(twin: ConsensusTwin) -> str:
    """Return all that a line can change, as a text."""
    cluster = twin.cluster
    if cluster is None:
        return ""
    leader = (cluster.leader, cluster.last, cluster.ballot, cluster.used, sorted(cluster.skips), cluster.bomb)
    return repr((cluster.servers, cluster.clients, leader))


def look(lines: list[bytes]) -> Outcome:
    """Carry out a scenario and hold it to everything, then bring all servers back: nothing may wait then.

    Return what became of the scenario as it stands. AssertionError where anything does not hold.
    """
    twin, forgetful, judge = ConsensusTwin(), ConsensusTwin(forgetful=True), Judge()
    for number, line in enumerate(lines, start=1):
        before = state_of(twin)
        errors = len(twin.outcome.errors)
        printed = twin.line(line)
        require(printed == forgetful.line(line), f"line {number} prints the same whoever forgets")
        if len(twin.outcome.errors) > errors:
            require(not printed, "an error line prints nothing")
            some_count = line.startswith(b"skipSlots")
            require(some_count or state_of(twin) == before, f"error line {number} changes nothing")
        if twin.cluster is not None:
            judge.look(twin.cluster)
            if twin.outcome.family == "locks":
                look_at_locks(twin.cluster)
    outcome = deepcopy(twin.end())
    require(outcome.errors == forgetful.end().errors, "the same lines are off whoever forgets")
    cluster = twin.cluster
    if cluster is not None:
        _bring_all_back(twin, cluster)
        judge.look(cluster)
        require(not list(cluster.waiting()), "with all servers up everything that was sent is delivered")
    return outcome


def _bring_all_back(twin: ConsensusTwin, cluster: Cluster) -> None:
    # Twice, as a leader may die of its bomb when it has a majority again.
    for server in [*range(len(cluster.servers))] * 2:
        if not cluster.servers[server].alive:
            twin.line(b"restartServer %d" % server)
    leader = cluster.leader_id  # what it skips holds messages back for as long as it lives
    twin.line(b"crashServer %d" % leader)
    twin.line(b"restartServer %d" % leader)


def main() -> None:
    """Look at random scenarios of a family, from a seed on."""
    family, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for seed in range(first, first + count):
        try:
            look(scenario(family, seed))
        except AssertionError as error:
            print(f"{family}, seed {seed}: {error}")
            raise
    print(f"{count:,} scenarios")


if __name__ == "__main__":
    main()
