"""Runs of the model of the commit group that were thought out: each breaks where one rule is left out.

Each takes the rules, and raises Broken where something breaks; with all rules none does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.group_driver import Run
from tests.group_rules import GROUP, Broken, Rules, Write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.group_model import Server


class Stage(Run):
    """Some servers, the first ``members`` of which are the group, all level; nothing happens by itself."""

    def __init__(self, rules: Rules, size: int, members: int) -> None:
        super().__init__(0, rules)
        self.world.proposes = False
        self.size, self.members, self.cut = size, members, 0.0
        self._begin()

    def server(self, number: int) -> Server:
        return self.world.servers[number]

    def put(self, number: int) -> Write:
        write = self.world.put(self.server(number))
        self._settle(self.server(number))
        return write

    def tell(self, sender: int, *receivers: int, items: int = 1 << 30) -> None:
        """Have servers pull from one, all there is or the first items."""
        for receiver in receivers:
            self.world.exchange(self.server(receiver), self.server(sender), items)

    def gather(self, leader: int, *members: int) -> None:
        """Have members hear of their leader, and then their leader of them."""
        self.tell(leader, *members)
        for member in members:
            self.tell(member, leader)

    def lead(self, number: int) -> None:
        self.server(number).lead()
        self._settle(self.server(number))

    def propose(self, number: int) -> None:
        self.server(number).propose()
        self._settle(self.server(number))

    def lose(self, number: int) -> None:
        self.world.crash(self.server(number))
        self.server(number).is_lost = True

    def change(self, number: int, *named: int) -> None:
        names = tuple(self.server(each).name for each in named)
        self._accept_change(self.server(number), names, ask=1.0)

    def retire(self, number: int) -> None:
        self.server(number).wishes_to_go = True
        self.go_on(number)

    def go_on(self, number: int) -> None:
        if not self.server(number).is_gone:
            self._go_on(self.server(number))

    def end(self) -> None:
        self.world.proposes = True
        self._finish()


def votes_first(rules: Rules) -> None:
    """Member 1 decides w with 0 and 2, and goes on to its next decree. Its vote reaches 3, which leads,
    without the writes: 3 sees no decree where w was decided, and 0 and 4 accept another one there."""
    stage = Stage(rules, 5, 5)
    stage.lead(1)
    stage.gather(1, 0, 2)
    stage.put(1)
    stage.propose(1)
    stage.gather(1, 0, 2)
    stage.put(1)
    stage.propose(1)
    stage.lead(3)
    stage.tell(3, 1, 4)
    stage.tell(1, 3, items=1)
    stage.tell(4, 3)
    stage.put(3)
    stage.propose(3)
    stage.gather(3, 4, 0)
    stage.end()


def behind_a_group_write(rules: Rules) -> None:
    """Members 0, 1 and 2 decide that 3 is the group, and more; 3 hears of the former alone, and marks its
    own."""
    stage = Stage(rules, 4, 3)
    stage.change(0, 3)
    stage.put(0)
    stage.put(3)
    stage.lead(0)
    stage.gather(0, 1)
    stage.propose(0)
    stage.gather(0, 1)
    stage.tell(0, 3, items=1)
    stage.end()


def brought_back(rules: Rules) -> None:
    """Server 1 names 2, which consents; unknown to 1 the group changes, so that 2 may go, and goes. Then the
    change that 1 accepted is committed."""
    stage = Stage(rules, 4, 3)
    stage.change(1, 2)
    stage.server(1).island = 1
    stage.retire(2)
    stage.lead(2)
    stage.gather(2, 0)
    stage.propose(2)
    stage.gather(2, 0)
    stage.tell(0, 3)
    stage.tell(3, 2)
    stage.go_on(2)
    stage.go_on(2)
    if not stage.server(2).is_gone:
        raise Broken("server 2 can't go")
    stage.end()


def named_while_retiring(rules: Rules) -> None:
    """Server 1 names 2, and 2 retires before it has heard of that."""
    stage = Stage(rules, 3, 1)
    stage.change(1, 2)
    stage.retire(2)
    stage.go_on(2)
    stage.tell(1, 0)
    stage.end()


def gone_too_early(rules: Rules) -> None:
    """Member 2 leaves, 3 takes its place, decided by 0 and 2. When 2 has gone, 0 is lost: 1 and 3 are left,
    and of what 1 takes for the group 1 alone."""
    _leave_and_lose(rules, crashes=False)


def gone_after_a_crash(rules: Rules) -> None:
    """The same, where 2 crashes once it has left, and is told again to retire."""
    _leave_and_lose(rules, crashes=True)


def _leave_and_lose(rules: Rules, *, crashes: bool) -> None:
    stage = Stage(rules, 4, 3)
    stage.retire(2)
    stage.lead(2)
    stage.gather(2, 0)
    stage.propose(2)
    stage.gather(2, 0)
    stage.server(1).island = stage.server(3).island = 1
    if crashes:
        stage.world.crash(stage.server(2))
        stage.world.restart(stage.server(2))
        stage.retire(2)
    stage.go_on(2)
    stage.go_on(2)
    stage.lose(0)
    stage.put(1)
    stage.end()


def half_a_decree(rules: Rules) -> None:
    """Members 0, 2 and 3 decide x and y. Member 1 hears of x alone, leads, and proposes w and y from
    there."""
    stage = Stage(rules, 5, 5)
    stage.put(1)
    stage.put(0)
    stage.put(0)
    stage.tell(0, 1)
    stage.lead(0)
    stage.gather(0, 2, 3)
    stage.propose(0)
    stage.gather(0, 2, 3)
    stage.tell(0, 1, items=1)
    stage.lead(1)
    stage.gather(1, 3, 4)
    stage.propose(1)
    stage.gather(1, 3, 4)
    stage.end()


def answered_twice(rules: Rules) -> None:
    """A Pull comes twice, late the second time. The first item of the one answer and what follows the first
    of the other leave out a write whose successor is taken."""
    stage = Stage(rules, 3, 1)
    world = stage.world
    stage.put(1)
    stage.put(1)
    stage.put(2)
    pull = world.pull(stage.server(0), stage.server(2))
    first = world.answer(pull)
    stage.tell(1, 2)
    second = world.answer(pull)
    if first is not None:
        world.deliver(first, 1)
    if second is not None:
        world.deliver(second)
    stage.end()


def either_leader(rules: Rules) -> None:
    """In lock-step, a group of two is cut in half, each half takes a write, and all is mended: what is
    committed has to come in the same order whoever leads."""
    orders = [_lock_step(rules, leader) for leader in (0, -1)]
    if orders[0] != orders[1]:
        raise Broken(f"the output depends on who led: {orders[0]} and {orders[1]}")


def _lock_step(rules: Rules, leader: int) -> list[Write]:
    stage = Stage(rules, 3, 1)
    stage.change(1, 0, 1)
    quiet(stage, leader)
    stage.retire(1)
    quiet(stage, leader)
    for _ in range(2):
        stage.go_on(1)
        quiet(stage, leader)
    stage.server(2).island = 1
    stage.put(0)
    quiet(stage, leader)
    stage.put(2)
    quiet(stage, leader)
    stage.server(2).island = 0
    quiet(stage, leader)
    return [write for write in stage.server(2).log if write.kind < GROUP]


def quiet(stage: Stage, leader: int) -> None:
    """Have each island go on until nothing moves, led by the first or the last of its members."""
    islands: dict[int, list[Server]] = {}
    for server in stage.world.servers:
        if server.is_up:
            islands.setdefault(server.island, []).append(server)
    for servers in islands.values():
        for _ in range(12):
            _round(stage, servers, leader)


def _round(stage: Stage, servers: list[Server], leader: int) -> None:
    top = max(servers, key=lambda each: len(each.log))
    members = [each for each in servers if each.name in top.group]
    hub = members[leader] if members else servers[0]
    for server in servers:
        if server is not hub:
            stage.world.exchange(hub, server)
    if hub.tentative and members and (2 * len(members) > len(top.group) or not stage.rules.tree):
        own = hub.votes.get(hub.name)
        if own is not None and (own.ballot[1] != hub.name or not own.ballot[0]):
            hub.lead()
        hub.propose()
        hub.settle(proposes=False)
        stage.world.done(hub)
    for server in servers:
        if server is not hub:
            stage.world.exchange(server, hub)


RUNS: dict[str, Callable[[Rules], None]] = {
    "votes come before the writes of who votes": votes_first,
    "what stands behind a group write": behind_a_group_write,
    "named, and gone since": brought_back,
    "named while it retires": named_while_retiring,
    "gone before the new group knows": gone_too_early,
    "gone after a crash": gone_after_a_crash,
    "half a decree": half_a_decree,
    "two answers to one Pull": answered_twice,
    "lock-step with either leader": either_leader,
}
