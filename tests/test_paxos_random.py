"""Random schedules of the bare roles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou.paxos import Accepted, AcceptedRecord, Acceptor, Ballot, Prepare, Promised
from tests.paxos_town import Town


@pytest.mark.parametrize("seed", range(400))
def test_whatever_happens_one_value_is_chosen_and_in_the_end_all_know_it(seed: int) -> None:
    Town(seed).play()


def test_the_towns_see_what_is_worth_seeing() -> None:
    """Most runs choose a value in bad times; in many of them a process crashes and comes back."""
    ended = [Town(seed) for seed in range(100)]
    for town in ended:
        town.play()
    assert all(len(town.judge.chosen) == 1 for town in ended)
    assert sum(max(town._lives.values()) > 1 for town in ended) > 30
    assert len({min(town.judge.chosen) for town in ended}) > 5


ballots = st.builds(Ballot, st.integers(0, 5), st.integers(0, 2))
records = st.lists(st.builds(Promised, ballots) | st.builds(AcceptedRecord, ballots, st.just("x")))


@given(records)
def test_an_acceptor_of_any_records_is_the_highest_of_them(kept: list[Promised | AcceptedRecord]) -> None:
    """In whichever order they were written."""
    acceptor = Acceptor(6, records=kept)
    assert acceptor.promised == max([Ballot.NONE, *(record.ballot for record in kept)])
    accepted = [record.ballot for record in kept if isinstance(record, AcceptedRecord)]
    assert acceptor.accepted == (Accepted(max(accepted), "x") if accepted else None)
    assert Acceptor(6, records=kept).receive(0, Prepare(Ballot(9, 0))).durable == [Promised(Ballot(9, 0))]
