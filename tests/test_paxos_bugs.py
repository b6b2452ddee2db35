"""Bugs planted in the bare roles are caught: by a judge, by a walk, by a directed test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bayou.families.planting import Patch
from tests import paxos_walk
from tests.paxos_bugs import BUGS
from tests.paxos_town import Town, Wrong
from tests.paxos_walk import Broken, Model, Walk


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
