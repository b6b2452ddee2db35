"""Bugs planted on purpose: each is caught by a test that passes without it.

The table of them in docs/testing.md is checked against this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bayou.core import vector as vector_module
from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.log import WriteLog
from bayou.core.name import Name
from bayou.core.replica import Replica
from bayou.core.vector import NOTHING, RETIRED, VersionVector
from bayou.core.write import DELETE, Write
from bayou.node.client import Client
from bayou.node.desk import Desk
from bayou.node.effects import Received
from bayou.node.exchange import Exchanges
from bayou.node.joining import Joining
from bayou.node.messages import REFUSED, Answer, AntiEntropy, AskHeir, Created, HandOver, Request, TakenOver
from bayou.node.retiring import Retiring
from tests import test_core_replica, test_core_vectors
from tests.chaos import Chaos, random_walk
from tests.generator import scenario
from tests.simulated import simulate
from tests.test_nodes_stateful import TINY
from tests.twin import Twin

Planting = Callable[[pytest.MonkeyPatch], None]


@dataclass
class Bug:
    """A bug: what it is called in the documentation, how to plant it, and the test that catches it."""

    name: str
    plant: Planting
    caught_by: Callable[[], None]


# The tests that do the catching.


def scenarios_against_twin() -> None:
    """As test_random_scenarios_simulated_against_the_twin, fewer of them."""
    for seed in range(300):
        lines = scenario(seed)
        twin = Twin()
        assert simulate("\n".join(lines).encode(), check=True).by_line == [
            twin.line(line) for line in lines
        ], seed


def walks() -> None:
    """As test_random_walks, fewer of them."""
    for seed in range(150):
        random_walk(seed, 200, Chaos(settings=TINY if seed % 2 else None))


# The bugs.


def prefix_property_dropped(patch: pytest.MonkeyPatch) -> None:
    """A part of an exchange is taken in although one before it is missing."""

    def on_part(self: Exchanges, peer: int, message: AntiEntropy) -> None:
        inbound = self._inbound.get(peer)
        if inbound is not None and inbound.serial == message.serial and message.first > inbound.next_item:
            inbound.next_item = message.first
        original(self, peer, message)

    original = Exchanges.on_part
    patch.setattr(Exchanges, "on_part", on_part)


def missing_entry(verdict: int) -> Planting:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(vector_module, "decide", lambda entries, name, decided: verdict)

    return plant


def entry_removed_because_another_vector_lacks_it(patch: pytest.MonkeyPatch) -> None:
    def serve(self: Exchanges, peer: int, serial: int, csn: int, vector: VersionVector, *rest: Any) -> None:
        replica = self._server.replica
        for name in list(replica._vector.entries):
            if name is not replica.name and vector.completed(name) == RETIRED:
                del replica._vector.touch()[name]
        original(self, peer, serial, csn, vector, *rest)

    original = Exchanges.serve
    patch.setattr(Exchanges, "serve", serve)


def marks_in_order_of_arrival(patch: pytest.MonkeyPatch) -> None:
    def commit_all(self: WriteLog) -> list[Write]:
        arrived = [write for queue in self._queues.values() for write in queue]
        self.tentative.take_all()
        self._queues.clear()
        self.committed.extend(arrived)
        return arrived

    patch.setattr(WriteLog, "commit_all", commit_all)


def primary_marks_its_own_write_first(patch: pytest.MonkeyPatch) -> None:
    def accept(self: Replica, kind: int, song: str, value: str | Name | None) -> Write:
        if not self.is_primary:
            return original(self, kind, song, value)
        write = Write(self.clock.next(), self.name, kind, song, value)
        self._journal.append(Items(self.csn, [write], []))
        self._commit_new(write)
        self.mark()
        return write

    original = Replica._accept
    patch.setattr(Replica, "_accept", accept)


def refused_read_changes_the_session(patch: pytest.MonkeyPatch) -> None:
    def carry_out(self: Desk, request: Request) -> Answer:
        answer = original_desk(self, request)
        if answer.verdict != REFUSED:
            return answer
        return Answer(answer.session, answer.number, REFUSED, vector=self._server.replica.vector)

    def receive(self: Client, given: Received) -> None:
        answer = given.message
        if self._pending is not None and isinstance(answer, Answer) and answer.vector is not None:
            self.session.has_read(answer.vector)
        original_client(self, given)

    original_desk, original_client = Desk._carry_out, Client._receive
    patch.setattr(Desk, "_carry_out", carry_out)
    patch.setattr(Client, "_receive", receive)


def read_vector_compared_over_its_own_entries_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(VersionVector, "covers", VersionVector.covers_listed)


def write_sent_twice_applied_twice(patch: pytest.MonkeyPatch) -> None:
    def on_request(self: Desk, peer: int, message: Request) -> None:
        self._numbers.clear()
        original(self, peer, message)

    original = Desk.on_request
    patch.setattr(Desk, "on_request", on_request)


def server_leaves_before_its_writes_are_elsewhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Retiring, "_offer", Retiring._leave)


def server_leaves_on_any_confirmation(patch: pytest.MonkeyPatch) -> None:
    def on_taken_over(self: Retiring, peer: int, message: TakenOver) -> None:
        replica = self._server.replica
        original(self, peer, TakenOver(message.token, replica.csn, replica.vector))

    def pulled(self: Retiring, token: int, peer: int) -> None:
        pass

    def on_hand_over(self: Retiring, peer: int, message: HandOver) -> None:
        # Confirms at once, before anything has been taken over.
        original_offer(self, peer, message)
        self._server.send(
            peer, TakenOver(message.token, self._server.replica.csn, self._server.replica.vector)
        )

    original, original_offer = Retiring.on_taken_over, Retiring.on_hand_over
    patch.setattr(Retiring, "on_taken_over", on_taken_over)
    patch.setattr(Retiring, "on_hand_over", on_hand_over)
    patch.setattr(Retiring, "pulled", pulled)


def two_primaries_after_a_lost_confirmation(patch: pytest.MonkeyPatch) -> None:
    """The heir takes the duty when it is asked, not when it is named: its answer may be lost, and another
    server be asked."""

    def on_ask_heir(self: Retiring, peer: int, message: AskHeir) -> None:
        original(self, peer, message)
        if self._promised is not None:
            self._server.replica.primary = self._server.replica.name

    original = Retiring.on_ask_heir
    patch.setattr(Retiring, "on_ask_heir", on_ask_heir)


def new_server_lacks_its_own_creation_write(patch: pytest.MonkeyPatch) -> None:
    """It serves as soon as it has its name."""

    def on_created(self: Joining, peer: int, message: Created) -> None:
        original(self, peer, message)
        if self._target is message:
            self._server.activate()

    original = Joining.on_created
    patch.setattr(Joining, "on_created", on_created)


def late_write_forgotten_by_the_index(patch: pytest.MonkeyPatch) -> None:
    """The index by song keeps the write that arrived last instead of the last one."""
    from bayou.core.database import Database

    def tentative(self: Database, write: Write) -> None:
        self._tentative[write.song] = write

    patch.setattr(Database, "tentative", tentative)


def commit_notice_applied_out_of_turn(patch: pytest.MonkeyPatch) -> None:
    def apply_committed(self: Replica, items: Items, done: list[Write]) -> None:
        original(self, Items(min(items.csn, self.csn), items.committed, items.tentative), done)

    original = Replica._apply_committed
    patch.setattr(Replica, "_apply_committed", apply_committed)


def committed_delete_forgotten(patch: pytest.MonkeyPatch) -> None:
    from bayou.core.database import Database

    def commit_new(self: Database, write: Write) -> None:
        if write.kind != DELETE:
            self._committed[write.song] = write

    patch.setattr(Database, "commit_new", commit_new)


BUGS = [
    Bug("prefix property dropped", prefix_property_dropped, walks),
    Bug(
        'missing entry always "never heard of"',
        missing_entry(NOTHING),
        test_core_vectors.test_a_vector_knows_exactly_the_writes_in_the_set,
    ),
    Bug(
        'missing entry always "retired"',
        missing_entry(RETIRED),
        test_core_vectors.test_a_vector_covers_another_exactly_where_the_sets_include_each_other,
    ),
    Bug(
        "an entry removed because another vector lacks it",
        entry_removed_because_another_vector_lacks_it,
        scenarios_against_twin,
    ),
    Bug("marks in order of arrival", marks_in_order_of_arrival, scenarios_against_twin),
    Bug(
        "the primary marks its own write before older tentative ones",
        primary_marks_its_own_write_first,
        test_core_replica.test_the_primary_marks_everything_in_accept_order_its_own_write_last,
    ),
    Bug("a refused read that changes the session", refused_read_changes_the_session, scenarios_against_twin),
    Bug(
        "read vector compared over its own entries only",
        read_vector_compared_over_its_own_entries_only,
        scenarios_against_twin,
    ),
    Bug("a write sent twice applied twice", write_sent_twice_applied_twice, walks),
    Bug(
        "a server that leaves before its writes are elsewhere",
        server_leaves_before_its_writes_are_elsewhere,
        scenarios_against_twin,
    ),
    Bug("a hand-over confirmed before it is complete", server_leaves_on_any_confirmation, walks),
    Bug("two primaries after a lost confirmation", two_primaries_after_a_lost_confirmation, walks),
    Bug("a new server that lacks its own creation write", new_server_lacks_its_own_creation_write, walks),
    Bug("a late write forgotten by the index", late_write_forgotten_by_the_index, scenarios_against_twin),
    Bug(
        "a commit notice applied out of turn",
        commit_notice_applied_out_of_turn,
        test_core_replica.test_a_commit_notice_applies_only_where_it_is_next,
    ),
    Bug("a committed delete forgotten", committed_delete_forgotten, scenarios_against_twin),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    with pytest.raises((AssertionError, BayouError, ExceptionGroup)):
        bug.caught_by()


@pytest.mark.parametrize("catcher", [scenarios_against_twin, walks])
def test_what_catches_them_passes_without_them(catcher: Callable[[], None]) -> None:
    catcher()


def test_the_documentation_lists_them() -> None:
    text = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [bug.name for bug in BUGS] == [row for row in rows if row in {bug.name for bug in BUGS}]
