"""What replicas, lock-step and the shrinker could get wrong without any other test noticing: found by
changing their code, by hand and with tests/mutation.py. Each test here fails with such a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pytest

from bayou.core.errors import InvariantBroken
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.sortedwrites import SortedWrites
from bayou.core.write import CREATION, PUT, RETIREMENT, Write
from bayou.explore.shrink import SHORT, shrink
from bayou.families.store.lockstep import LockStep
from bayou.families.store.topology import Topology
from bayou.machine.messages import Message
from bayou.node.messages import Converge
from bayou.node.session import Guarantees, parse_guarantees
from tests.rows import row
from tests.simulated import StoreWorld
from tests.test_nodes_late import system

# What a log can't look like.

A, B = ROOT.child(1), ROOT.child(2)


def replica(committed: Sequence[Write], tentative: Sequence[Write] = (), primary: Name = ROOT) -> Replica:
    """Return a replica of the first server with this log, whether such a log can be or not."""
    made = Replica(ROOT)
    made.log.committed.extend(committed)
    for write in tentative:
        made.log.add(write)
    made.group = (primary,)
    made.epoch = next((at for at, write in enumerate(committed, 1) if write.heir is primary), 0)
    return made


def put(stamp: int, server: Name) -> Write:
    return Write(stamp, server, PUT, *row("s", "u"))


CREATE_A, CREATE_B = Write(1, ROOT, CREATION, "", "", None), Write(2, ROOT, CREATION, "", "", None)


def leave(stamp: int, server: Name, heir: Name | None) -> Write:
    return Write(stamp, server, RETIREMENT, "", "", heir)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (replica([put(2, ROOT), put(1, ROOT)]), "was known before it came"),
        (replica([put(1, ROOT), put(1, ROOT)]), "was known before it came"),
        (replica([put(2, A), CREATE_A]), "precedes the creation of its server"),
        (replica([CREATE_A], [leave(2, ROOT, A)], A), "names an heir, but is not committed"),
        (replica([CREATE_A, CREATE_B, leave(3, A, B)], primary=B), "names an heir without being the primary"),
        (replica([CREATE_A, leave(2, ROOT, A)]), "is not the group that the committed prefix names"),
        (replica([CREATE_A], primary=A), "is not the group that the committed prefix names"),
    ],
)
def test_the_order_of_a_log_is_checked(broken: Replica, problem: str) -> None:
    with pytest.raises(InvariantBroken, match=problem):
        broken._check_order()


def test_a_log_in_good_order_passes() -> None:
    writes = [CREATE_A, CREATE_B, put(3, A), leave(4, ROOT, A), leave(5, A, B)]
    replica(writes, [put(6, B)], B)._check_order()
    replica(writes[:3], [leave(4, A, None)])._check_order()


# Sorted runs.


def test_a_run_of_writes_that_grows_long_is_kept_as_one_that_may_be() -> None:
    """So that a write in its middle costs the same however long it is; a short one pays for no import."""
    writes = [put(stamp, ROOT) for stamp in range(1, 9)]
    run = SortedWrites(short_max=3)
    for count, write in enumerate(writes, start=1):
        run.add(write)
        assert (run._long is not None) == (count > 3)
    assert (run._short, list(run)) == ([], writes)
    assert SortedWrites(writes[:3], short_max=3)._long is None
    assert SortedWrites(writes[:4], short_max=3)._long is not None


# Lock-step.


class Listening:
    """Passes orders on to a world, and remembers them, a list for each round."""

    def __init__(self, world: StoreWorld) -> None:
        self.world = world
        self.asked: list[list[tuple[int, Converge]]] = []

    def ask_all(self, orders: Sequence[tuple[int, Message]]) -> list[Message]:
        self.asked.append([(server, order) for server, order in orders if isinstance(order, Converge)])
        return self.world.ask_all(orders)

    def heads(self) -> list[list[int]]:
        """Return the heads of the trees of each round."""
        return [[server for server, order in asked if order.above is None] for asked in self.asked]


def lock_step(count: int) -> tuple[StoreWorld, Topology, Listening, LockStep]:
    world, topology = system(count), Topology()
    for server in range(count):
        topology.add_server(server)
    listening = Listening(world)
    return world, topology, listening, LockStep(listening, topology, {})  # type: ignore[arg-type]


def test_lock_step_with_a_wrong_guess_of_the_primary_takes_one_round_more() -> None:
    """The answers of the first say who it is. Without them, what the others wrote stays tentative."""
    world, _, listening, steps = lock_step(3)
    steps.note_primary(2)
    world.server(1).replica.put(*row("s", "u"))
    steps.settle([0])
    assert listening.heads() == [[2], [0]]
    assert [{order.attempt for _, order in asked} for asked in listening.asked] == [{0}, {1}]
    assert len({order.round for asked in listening.asked for _, order in asked}) == 2
    for server in range(3):
        assert not world.server(server).replica.log.tentative
        assert world.server(server).replica.csn == 3
    steps.settle([1])
    assert listening.heads()[2:] == [[0]], "now it knows"


def test_lock_step_does_not_end_with_a_round_below_whose_head_the_primary_is() -> None:
    """Even where all say that they are level: only a primary at the head hears everybody before it marks."""
    _, _, listening, steps = lock_step(3)
    steps.note_primary(2)
    steps.settle([0, 1, 2])
    assert listening.heads() == [[2], [0]]


def test_lock_step_without_any_guess_begins_with_the_lowest_id() -> None:
    _, topology, listening, steps = lock_step(4)
    for here, there in ((0, 2), (0, 3), (1, 2), (1, 3)):
        topology.disconnect(here, there)
        listening.world.disconnect(here, there)
    steps.settle([3, 2])
    steps.settle([])
    assert listening.heads() == [[2]], "of the groups that have changed, and no other"
    steps.stabilize()
    assert listening.heads()[1:] == [[0, 2]]


def test_lock_step_asks_again_only_those_that_are_not_level() -> None:
    world, topology, listening, steps = lock_step(5)
    for here, there in ((0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 4), (3, 4)):
        topology.disconnect(here, there)
        world.disconnect(here, there)
    steps.note_primary(1)
    world.server(1).replica.put(*row("s", "u"))
    world.server(3).replica.put(*row("s", "v"))
    steps.settle(topology.servers)
    assert listening.heads() == [[1, 2], [0]], "server 4 is alone, and has nobody to be level with"
    assert world.server(2).replica.vector == world.server(3).replica.vector
    assert not world.server(1).replica.log.tentative


# Cutting down.


def check_minimal(lines: list[str], fails: Callable[[list[str]], bool], together: int) -> list[str]:
    """Return what shrinking makes of the lines, seeing that it fails, and does not without ``together`` of
    its lines or fewer."""
    short = shrink(lines, fails)
    assert fails(short)
    for count in range(1, together + 1):
        for left_out in combinations(range(len(short)), count):
            rest = [line for at, line in enumerate(short) if at not in left_out]
            assert not rest or not fails(rest), f"{short} fails without {left_out}"
    return short


def all_or_none(some: Sequence[str], *together: str) -> bool:
    return len({line in some for line in together}) == 1


@pytest.mark.parametrize("count", [4, 7, SHORT - 1, SHORT, SHORT + 1, 60])
def test_lines_that_can_only_go_together_do(count: int) -> None:
    """Pairs in any scenario; after they have gone, others can go alone, or in pairs again."""
    lines = [str(number) for number in range(count)]

    def pair(some: list[str]) -> bool:
        return "2" in some and all_or_none(some, "0", "3")

    def then_alone(some: list[str]) -> bool:
        return pair(some) and ("1" in some or "0" not in some)

    def then_another_pair(some: list[str]) -> bool:
        return "0" in some and all_or_none(some, "1", "3") and ("1" in some or all_or_none(some, "2", "4"))

    for fails in (pair, then_alone):
        assert check_minimal(lines, fails, 2) == ["2"]
    if count > 4:
        assert check_minimal(lines, then_another_pair, 2) == ["0"]


@pytest.mark.parametrize("count", [SHORT - 1, SHORT, SHORT + 1])
def test_three_that_can_only_go_together_do_where_there_are_few(count: int) -> None:
    """Trying any three of many lines takes too long; but what is left in the end may be few."""
    lines = [str(number) for number in range(count)]

    def fails(some: list[str]) -> bool:
        return "3" in some and all_or_none(some, "1", str(count // 2), str(count - 1))

    assert check_minimal(lines, fails, 3) == ["3"]

    apart = {"1", str(count // 2), str(count - 1)}

    def nothing_but_those(some: list[str]) -> bool:
        return set(lines) - set(some) in (set(), apart)

    assert len(shrink(lines, nothing_but_those)) == (count - 3 if count <= SHORT else count)


def test_what_fails_alone_is_found_wherever_it_stands() -> None:
    for count in (1, 2, 3, 5, 8, 33):
        lines = [str(number) for number in range(count)]
        for wanted in lines:
            assert check_minimal(lines, lambda some, wanted=wanted: wanted in some, 1) == [wanted]  # type: ignore[misc]
        assert shrink(lines, lambda some: len(some) == count) == lines  # noqa: B023


def test_nothing_is_never_tried() -> None:
    """A run of no lines says nothing, and one line is as short as can be."""
    tried: list[list[str]] = []

    def fails(some: list[str]) -> bool:
        tried.append(some)
        return True

    assert shrink(["0"], fails) == ["0"]
    assert [] not in tried


# The primary.


def test_who_has_retired_never_is_the_primary() -> None:
    """Not even where the last primary, unlike any of ours, names as its heir somebody who has retired."""
    root = Replica(ROOT)
    gone = Replica(root.create().created)
    gone.apply(root.beyond(0, gone.vector))
    gone.put(*row("s", "u"))
    gone.retire(None)
    root.retire(gone.name)
    gone.apply(root.beyond(gone.csn, gone.vector))
    assert gone.primary is gone.name
    assert not gone.is_primary
    assert [write.kind for write in gone.log.tentative] == [PUT, RETIREMENT]
    assert gone.mark() == 0


# What a session asks for.


def test_all_guarantees_are_all_of_them() -> None:
    """Said as they stand, not only because a client without any word gets all."""
    assert parse_guarantees("all") == parse_guarantees("RYW,MR,WFR,MW") == Guarantees()
    assert parse_guarantees("none") == Guarantees(
        read_your_writes=False, monotonic_reads=False, writes_follow_reads=False, monotonic_writes=False
    )
