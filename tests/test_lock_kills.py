"""A few kills of leaders of a lock service under load; the campaign is `python -m tests.lock_kills`."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.linear import Search
from bayou.check.models import Lock
from bayou.families.locks.table import Table
from bayou.storage.journal import Journal
from tests.lock_kills import STUCK, kill, operations_of, tokens_broken


@pytest.mark.processes
def test_locks_are_linearizable_whoever_is_killed() -> None:
    outcome = kill(5, seed=1)
    assert outcome.broken == []
    assert outcome.kills == 5
    assert outcome.leaders >= 5
    assert outcome.grants > 30


@pytest.mark.processes
@pytest.mark.campaign
def test_what_is_not_made_durable_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the journals' batches servers forget what they promised and accepted."""

    def forget(self: Journal, batch: bytes) -> None:
        """Nothing is written."""

    monkeypatch.setattr(Journal, "append", forget)
    broken = kill(5, seed=1, deadline_s=5.0).broken
    assert [line for line in broken if not line.startswith(STUCK)]


@pytest.mark.processes
def test_a_lock_that_is_granted_to_two_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    take_lock = Table._lock

    def take(self: Table, slot: int, client: int, number: int) -> str:
        if client == 3:
            self.locks.pop(number, None)
        return take_lock(self, slot, client, number)

    monkeypatch.setattr(Table, "_lock", take)
    broken = kill(2, seed=1).broken
    assert any("by the clients' clocks: invalid" in line for line in broken)
    assert any(line.startswith("held alone: ") for line in broken)


def moment(
    event: str, client: int, f: str, at: float, result: str = "", slot: int | None = None
) -> dict[str, Any]:
    about = {"event": event, "client": client, "f": f, "lock": 1, "at": at}
    return about if event == "invoked" else {**about, "result": result, "slot": slot}


def test_what_clients_saw_by_their_clocks() -> None:
    """Moments that are the same leave it open which came first."""
    history = [
        moment("invoked", 0, "lock", 1.0),
        moment("returned", 0, "lock", 2.0, "held", 5),
        moment("invoked", 1, "lock", 1.5),
        moment("invoked", 0, "unlock", 3.0),
        moment("returned", 1, "lock", 3.0, "held", 6),
        moment("returned", 0, "unlock", 4.0, "released"),
        moment("invoked", 1, "unlock", 5.0),
    ]
    assert Search(Lock(), operations_of(history)).run().word == "valid"
    assert [operation.end for operation in operations_of(history)][-1] is None
    early = [*history]
    early[4] = moment("returned", 1, "lock", 2.5, "held", 6)
    assert Search(Lock(), operations_of(early)).run().word == "invalid"
    assert tokens_broken(history) == []
    history[4]["slot"] = 5
    assert tokens_broken(history) == ["lock 1 is granted with token 5 after 5"]
