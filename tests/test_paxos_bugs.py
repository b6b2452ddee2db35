"""Bugs planted in the bare roles are caught: by a judge, by a walk, by a directed test."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from bayou.families.planting import Patch
from tests import paxos_walk
from tests.paxos_bugs import BUGS
from tests.paxos_town import Town, Wrong
from tests.paxos_walk import PROPOSERS, Broken, Model, State, Walk
from tests.paxos_walk_less import LessWalk


@pytest.fixture
def patch() -> Iterator[Patch]:
    made = Patch()
    paxos_walk.learns.cache_clear()
    yield made
    made.undo()
    paxos_walk.learns.cache_clear()


@pytest.mark.parametrize("name", BUGS)
def test_a_judge_catches_it_in_a_random_town(name: str, patch: Patch) -> None:
    bug = BUGS[name]
    Town(bug.seed).play()
    bug.plant(patch)
    with pytest.raises(Wrong) as caught:
        Town(bug.seed).play()
    assert caught.value.rule == bug.rule


@pytest.mark.parametrize("name", [name for name, bug in BUGS.items() if bug.is_walked_into])
def test_a_walk_finds_it(name: str, patch: Patch) -> None:
    BUGS[name].plant(patch)
    with pytest.raises(Broken):
        Walk(Model()).run()


@pytest.mark.parametrize("name", BUGS)
def test_a_directed_test_fails(name: str, patch: Patch) -> None:
    BUGS[name].test()
    BUGS[name].plant(patch)
    with pytest.raises(AssertionError):
        BUGS[name].test()


# Without bugs.


def test_all_orders_of_two_proposers_with_one_ballot_each() -> None:
    """What the model is stands in tests/paxos_walk.py; a walk that does not take acceptors for one another
    finds 429,157 states as well."""
    found = Walk(Model()).run()
    assert found == paxos_walk.Found(73_211, 429_157, 317_112, {"a": 54_790, "b": 11_274}, is_complete=True)


@pytest.mark.campaign
@pytest.mark.slow
def test_all_orders_with_proposers_that_forget() -> None:
    found = Walk(Model(forgetful=True)).run()
    assert (found.states, found.steps, found.is_complete) == (163_703, 896_274, True)


def test_a_walk_stops_where_it_is_told_to() -> None:
    found = Walk(Model(ballots=(2, 2), states_max=5_000)).run()
    assert not found.is_complete
    assert 5_000 <= found.states < 20_000


# With fewer states.


def gave_up_its_last(walk: Walk, state: State) -> bool:
    """Whether a proposer has given up its last ballot before it proposed: such a state is left out of the
    walk with fewer states, as the same one is in it without that."""
    cores = [walk._cores[number] for number in state[0]]
    return any(
        core.used == walk.model.ballots[id] and not core.role.is_live and core.role._proposed is None
        for id, core in zip(PROPOSERS, cores, strict=True)
    )


@pytest.mark.campaign
@pytest.mark.slow
def test_no_state_of_a_walk_is_missing_where_there_are_fewer() -> None:
    less = LessWalk(Model())
    assert less.run() == paxos_walk.Found(398, 0, 1_347, {"a": 76, "b": 82}, is_complete=True)
    start = less._start()
    level = [(start, less.less(start, ())[1])]
    seen = set(level)
    while level:
        state, chosen = level.pop()
        if not gave_up_its_last(less, state):
            assert less.less(state, chosen) in less.seen
        for after in less._after(state):
            following = after, less.less(after, chosen)[1]
            if following not in seen:
                seen.add(following)
                level.append(following)
    assert len(seen) == 73_211


def wander(walk: LessWalk, rng: random.Random) -> int:
    """Go a random way through all states; return how many of them were looked for, and found, among the
    fewer ones."""
    state, count = walk._start(), 0
    chosen: tuple[str, ...] = ()
    for _ in range(120):
        following = [after for after in walk._after(state) if after != state]
        if not following:
            break
        state = rng.choice(following)
        less = walk.less(state, chosen)
        chosen = less[1]
        if not gave_up_its_last(walk, state):
            assert less in walk.seen
            count += 1
    return count


def test_random_ways_with_three_ballots_lead_through_the_fewer_states() -> None:
    less = LessWalk(Model(ballots=(2, 1)))
    found = less.run()
    assert (found.states, found.steps, found.is_complete) == (4_279, 21_085, True)
    assert sum(wander(less, random.Random(seed)) for seed in range(150)) > 2_000


@pytest.mark.campaign
@pytest.mark.slow
def test_all_orders_of_two_proposers_with_two_ballots_each() -> None:
    less = LessWalk(Model(ballots=(2, 2)))
    found = less.run()
    assert found == paxos_walk.Found(138_509, 0, 1_001_706, {"a": 30_964, "b": 48_828}, is_complete=True)
    assert sum(wander(less, random.Random(seed)) for seed in range(2_000)) > 50_000


@pytest.mark.parametrize("name", ["value from the lowest ballot", "value not adopted"])
def test_a_walk_with_more_ballots_finds_what_takes_them(name: str, patch: Patch) -> None:
    """Adopting from the lowest ballot takes two that were accepted, and a third to adopt in."""
    BUGS[name].plant(patch)
    with pytest.raises(Broken):
        LessWalk(Model(ballots=(2, 1))).run()
