"""Servers and programs that are killed; the campaign is `python -m tests.durable_kills`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.durable_kills import Kills, Outcome, carried_out
from tests.durable_writers import rows_after, step

pytestmark = pytest.mark.processes


@pytest.mark.slow
def test_whatever_was_acknowledged_survives(tmp_path: Path) -> None:
    outcome = carried_out(Kills(tmp_path, 1), 12)
    assert outcome.problems() == []
    assert sum(outcome.kills.values()) == 12
    assert sum(outcome.acknowledged.values()) > 100
    assert all(outcome.omitted.values())


def outcome_of(count: int, acknowledged: int, tried: int) -> Outcome:
    """What comes of one writer of which so many writes were carried out, on a server alone."""
    csns = {}
    for number in range(1, count + 1):
        csns[step("s0-1", number)[0]] = number
    rows = {key: (value, csns[key]) for key, value in rows_after("s0-1", count).items()}
    return Outcome(
        acknowledged={"s0-1": acknowledged}, tried={"s0-1": tried}, rows={"a": rows}, csns={"a": count}
    )


@pytest.mark.parametrize("count", range(10, 14))
def test_what_is_not_known_may_be_either_way(count: int) -> None:
    assert outcome_of(count, 10, 13).problems() == []


@pytest.mark.parametrize("count", range(1, 40))
def test_a_write_that_is_missing_is_noticed(count: int) -> None:
    assert "were acknowledged" in outcome_of(count - 1, count, count).problems()[0]


def test_a_delete_that_is_missing_is_noticed() -> None:
    assert "beyond them" in outcome_of(8, 9, 9).problems()[0]


def test_a_write_that_nobody_began_is_noticed() -> None:
    assert "has ['s0-1/11'] beyond them" in outcome_of(11, 10, 10).problems()[0]


def test_a_write_that_was_carried_out_twice_is_noticed() -> None:
    outcome = outcome_of(12, 12, 12)
    outcome.csns["a"] += 1
    assert "committed twice" in outcome.problems()[0]


def test_another_order_is_noticed() -> None:
    outcome = outcome_of(12, 12, 12)
    rows = outcome.rows["a"]
    rows["s0-1/1"], rows["s0-1/2"] = (rows["s0-1/1"][0], 2), (rows["s0-1/2"][0], 1)
    assert outcome.problems() == ["server a: the writes of s0-1 were committed in another order"]


def test_servers_that_do_not_agree_are_noticed() -> None:
    outcome = outcome_of(12, 11, 12)
    other = outcome_of(11, 11, 12)
    outcome.rows["b"], outcome.csns["b"] = other.rows["a"], other.csns["a"]
    assert outcome.problems() == ["the servers have committed {'a': 12, 'b': 11} writes"]
