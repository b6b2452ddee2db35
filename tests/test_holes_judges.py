"""What the judges of logs and locks could get wrong without any other test noticing: found with
tests/mutation.py. Each test here fails with such a change."""

from __future__ import annotations

import pytest

from bayou.check.consensus import judge
from bayou.check.history import HistoryError
from bayou.check.lockmodel import ALREADY, EXPIRE, GRANTED, HELD, LOCK, UNLOCK, Lock, QueuedLock
from bayou.check.model import Operation
from bayou.check.moments import Moments
from tests.test_log_judge import (
    BAD,
    CLEARED,
    GOOD,
    LEADS,
    A,
    B,
    Event,
    acknowledged,
    agreed,
    asked,
    broken,
    decided,
    of,
    started,
)

# The log at rest.


def test_without_a_majority_what_was_sent_may_wait() -> None:
    """With one it would be lost."""
    sent = [*GOOD[:-1], asked(2, "b")]
    assert broken([*sent, CLEARED]) == ["acknowledged"]
    assert broken([*sent, of("cleared", majority=False)]) == []


def test_what_is_below_somebodys_snapshot_is_not_empty() -> None:
    """Nobody tells any more what was decided there, and whoever took the snapshot knew."""
    above = [started(), *LEADS, *agreed(1, A), asked(1, "a")]
    known = [decided(server, 1, A) for server in (0, 1, 2)]
    assert "acknowledged" in broken([*above, *known, CLEARED])
    snapshot = of("snapshot", server=1, slot=1)
    applied = [of("applied", server=server, slot=1, client=0, number=1) for server in (0, 1, 2)]
    assert broken([*above, *known, snapshot, *applied, CLEARED]) == []


def test_what_a_crashed_client_sent_may_be_lost() -> None:
    assert broken([*GOOD[:-1], asked(2, "b"), of("crashed client", client=0), CLEARED]) == []


def test_what_a_snapshot_holds_ends_below_its_slot() -> None:
    """What only a dead server knew decided nobody can hear of, though somebody has a snapshot up to there."""
    at = [*GOOD[:-1], asked(2, "b"), *agreed(1, B), of("snapshot", server=1, slot=1)]
    history = [*at, decided(2, 1, B), of("crashed", server=2), of("cleared", majority=False)]
    assert broken(history) == []


def test_a_command_is_acknowledged_in_one_slot() -> None:
    history = [*GOOD[:-1], *agreed(1, A), decided(0, 1, A), acknowledged(1, 1)]
    why = "number 1 of client 0 is acknowledged in slot 1, and was in slot 0"
    assert judge(history)["at most once"].broken == [(len(history), why)]


@pytest.mark.parametrize("history", [history for _, _, history in BAD], ids=[name for name, _, _ in BAD])
def test_what_breaks_a_rule_is_told_with_its_event(history: list[Event]) -> None:
    """With 0 where it is of the history as a whole."""
    told = [broken for verdict in judge(history).values() for broken in verdict.broken]
    assert told
    assert all(type(at) is int and 0 <= at <= len(history) and type(why) is str for at, why in told)


# The model of a lock.


def test_who_waits_and_expires_leaves_the_queue() -> None:
    lock = Lock(0, (1, 2))
    assert lock.after_expiry(1) == Lock(0, (2,), (1,))
    assert lock.after_expiry(1).after_expiry(1) == Lock(0, (2,), (1,))
    assert lock.after_expiry(0) == Lock(1, (2,), (0,))


@pytest.mark.parametrize(
    ("function", "result", "reads"),
    [
        (GRANTED, None, True),
        (LOCK, ALREADY, True),
        (LOCK, HELD, False),
        (UNLOCK, None, False),
        (EXPIRE, None, False),
    ],
)
def test_what_changes_nothing_only_reads(function: str, result: str | None, reads: bool) -> None:
    assert QueuedLock().only_reads(Operation(2, 0, 1, function, 1, result)) is reads


# Moments.


@pytest.mark.parametrize("t", [0, 0.5, 1e12 - 1])
def test_a_clock_tells_seconds_of_this_age(t: float) -> None:
    assert Moments([{"t": t}], [1], is_in_order=False).latest(1) == round(t * 1_000_000)


@pytest.mark.parametrize("t", [-1, 1e12, None, True])
def test_what_is_no_clock(t: float | None) -> None:
    with pytest.raises(HistoryError, match="event 1 does not say when it happened"):
        Moments([{"t": t}], [1], is_in_order=False)
