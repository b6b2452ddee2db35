"""What sessions ask about general writes, at one server."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.core.body import made_body
from bayou.core.errors import PeerError
from bayou.core.execute import CONFLICT, conflict_key
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import COMMITTED as IS_COMMITTED
from bayou.core.replica import TENTATIVE, UNKNOWN, Replica
from bayou.core.rows import CONFLICTS
from bayou.core.values import Value, text_value, to_value
from bayou.core.vector import STAMP_MAX
from bayou.core.write import CHANGE, Write
from bayou.node import reading
from bayou.node.asks import (
    Change,
    Changed,
    Changes,
    Collections,
    FeedPosition,
    Outcome,
    Page,
    Pending,
    Rows,
    Standing,
)
from bayou.node.messages import COMMITTED, Conflict, Get, Got, IsConflict, LogPage, ReadLog, Written
from bayou.node.settings import Limits
from bayou.node.showing import show
from tests.test_asks import Asker
from tests.test_nodes import first

A = ROOT.child(1)
BOTH = {"name": "both", "do": [["set", "n", "a", 1], ["set", "n", "b", 2]]}
NEVER = {"name": "never", "do": [["set", "n", "z", 1]], "if": [["present", "n", "nobody"]]}


def text(plain: dict[str, Any]) -> str:
    return made_body(plain).text


def follower() -> Replica:
    """A replica that is not the primary, so that what it accepts stays tentative."""
    root = Replica(ROOT)
    replica = Replica(root.create().created)
    replica.apply(root.beyond(0, replica.vector))
    return replica


def page(replica: Replica, ask: Any) -> Any:
    return reading.answer(replica, ask, may_wait=False)


def test_a_change_is_accepted_and_carried_out() -> None:
    asker = Asker(first())
    written = asker.ask(Change(text(BOTH)))
    assert isinstance(written, Written)
    assert [(row.key, row.value) for row in asker.ask(Rows("n", "", None, 9)).rows] == [
        ("a", "1"),
        ("b", "2"),
    ]
    standing = asker.ask(Outcome(written.stamp, written.server))
    assert standing == Standing(IS_COMMITTED, 1, 0, ("n", "a", "n", "b"), False)
    again = asker.send(Change(text(BOTH)), again=True)
    assert again.durable == [], "it comes a second time, and is answered as before"


@pytest.mark.parametrize(
    "body", ["", "{}", "[1]", '{"do":[],"name":""}', '{"name":"n","do":[]}', "x" * 70_000]
)
def test_a_body_that_is_wrong_in_itself_is_refused(body: str) -> None:
    asker = Asker(first())
    effects = asker.send(Change(body))
    assert effects.drops
    assert effects.durable == []
    assert len(asker.server.replica.log) == 0


def test_a_conflict_is_a_row_that_can_be_read_and_not_put() -> None:
    asker = Asker(first())
    written = asker.ask(Change(text(NEVER)))
    key = conflict_key(written.stamp, written.server)
    (row,) = asker.ask(Rows(CONFLICTS, "", None, 9)).rows
    assert (row.key, row.value, row.is_committed) == (key, text(NEVER), True)
    assert asker.ask(Outcome(written.stamp, written.server)) == Standing(
        IS_COMMITTED, 1, CONFLICT, (CONFLICTS, key), True
    )
    assert asker.ask(Collections()).names == (), "it is no collection of users"
    assert asker.send(Get(CONFLICTS, key)).drops, "rows of the error log are asked for as rows"
    replica = asker.server.replica
    limits = Limits()
    assert show(replica, IsConflict(written.stamp, written.server), limits) == Conflict(True)
    assert show(replica, IsConflict(99, written.server), limits) == Conflict(False)
    asker.ask(Change(text({"name": "r", "do": [["delete", CONFLICTS, key]]})))
    assert asker.ask(Rows(CONFLICTS, "", None, 9)).rows == []
    assert show(replica, IsConflict(written.stamp, written.server), limits) == Conflict(False)
    assert asker.ask(Outcome(written.stamp, written.server)).outcome == CONFLICT, "it is still in the log"


def test_outcomes_of_writes_that_are_nowhere_or_no_longer_in_the_log() -> None:
    replica = follower()
    assert page(replica, Outcome(0, ROOT)) == Standing(UNKNOWN, None)
    assert page(replica, Outcome(99, replica.name)) == Standing(UNKNOWN, None)
    root = Replica(ROOT)
    root.put(
        "n", "k", to_value(1)
    )  # so its name would be that of somebody who has retired: all of that is known
    for stamp in (-1, STAMP_MAX + 1, 1 << 70):
        assert page(root, Outcome(stamp, ROOT.child(1))) == Standing(UNKNOWN, None)
    write = replica.change(made_body(NEVER))
    standing = page(replica, Outcome(*write.place))
    assert (standing.state, standing.outcome, standing.is_conflict) == (TENTATIVE, CONFLICT, True)
    replica.apply(Items(1, [write.notice()], []))
    replica.fold()
    assert page(replica, Outcome(*write.place)).outcome == CONFLICT, "folded, and still in the log"
    replica.truncate(2)
    assert page(replica, Outcome(*write.place)) == Standing(IS_COMMITTED, None, None, (), True)


def test_pending_tells_what_a_general_write_makes_of_rows() -> None:
    replica = follower()
    replica.put("n", "c", to_value(3))
    write = replica.change(made_body(BOTH))
    replica.change(made_body({"name": "nothing", "do": []}))
    told = page(replica, Pending(None))
    assert [(row.key, row.stamp) for row in told.rows] == [("c", 2), ("a", 3), ("b", 3)]
    assert told.is_last
    assert [row.key for row in page(replica, Pending(None, 2, replica.name)).rows] == ["a", "b"]
    assert page(replica, Pending(None, *write.place)) == Page([], True)


def feed(replica: Replica, count: int = 9, *, tentative: bool = False) -> list[tuple[str, str | None, int]]:
    """Return all changes that are told, in pages, each with its CSN."""
    told: list[tuple[str, str | None, int]] = []
    since: FeedPosition | None = FeedPosition(0)
    while True:
        changed = page(replica, Changes(since, count, tentative=tentative))
        assert isinstance(changed, Changed)
        if not changed.rows:
            return told
        told += [(row.key, row.value, row.csn) for row in changed.rows]
        since = changed.position


@pytest.mark.parametrize("count", [1, 2, 9])
def test_changes_tell_what_general_writes_made_of_rows(count: int) -> None:
    """All rows of one write are told together, from the log and from what is folded."""
    replica = Replica(ROOT)
    replica.put("n", "c", to_value(3))
    replica.change(made_body(BOTH))
    replica.change(made_body({"name": "nothing", "do": []}))
    replica.change(made_body({"name": "gone", "do": [["delete", "n", "a"]]}))
    all_told = [("c", "3", 1), ("a", "1", 2), ("b", "2", 2), ("a", None, 4)]
    assert feed(replica, count) == all_told
    replica.fold()
    assert feed(replica, count) == [("c", "3", 1), ("b", "2", 2), ("a", None, 4)], (
        "of a only the last is known"
    )
    replica.put("n", "d", to_value(4))
    assert feed(replica, count)[-1] == ("d", "4", 5)


def test_tentative_changes_of_general_writes_are_told_behind_all_that_is_committed() -> None:
    replica = follower()
    replica.put("n", "c", to_value(3))
    replica.change(made_body(BOTH))
    assert feed(replica, tentative=True) == [("c", "3", 0), ("a", "1", 0), ("b", "2", 0)]


def test_the_committed_view_has_what_committed_writes_made() -> None:
    replica = follower()
    replica.change(made_body(BOTH))
    assert page(replica, Rows("n", "", None, 9, COMMITTED)) == Page([], True)
    assert [row.is_committed for row in page(replica, Rows("n", "", None, 9)).rows] == [False, False]


def test_a_log_is_shown_with_outcomes() -> None:
    """Folded, committed and tentative ones, in their places."""
    replica = follower()
    limits = Limits()
    writes = [replica.change(made_body({**BOTH, "name": f"w{n}"})) for n in range(2)]
    replica.put("n", "q", text_value("q"))
    replica.change(made_body(NEVER))
    replica.apply(Items(1, [writes[0].notice(), writes[1].notice()], []))
    replica.fold(2)
    outcomes: list[int] = []
    start = 0
    while start < len(replica.log):
        shown = show(replica, ReadLog(start, 99), limits)
        assert isinstance(shown, LogPage)
        outcomes += shown.outcomes
        start += len(shown.writes)
    assert outcomes == [0, 0, CONFLICT]
    assert show(replica, ReadLog(2, 1), limits) == LogPage((writes[1],), 1, 5, (0,))


def test_servers_of_the_same_csn_find_out_that_they_disagree() -> None:
    """Each works out by itself what a write comes to; the digest of that goes with the end of an exchange."""
    one, other = Replica(ROOT), Replica(ROOT)
    write = Write(1, ROOT, CHANGE, "", "", Value(text(BOTH)))
    for replica in (one, other):
        replica.apply(Items(0, [write], []))
    other.compare_digest(1, one.database.digest)
    other.compare_digest(7, "of another CSN")
    with pytest.raises(PeerError, match="two servers of CSN 1 disagree on what its general writes came to"):
        other.compare_digest(1, "")


def test_a_get_of_a_row_that_a_general_write_made() -> None:
    asker = Asker(first())
    asker.ask(Change(text(BOTH)))
    assert asker.ask(Get("n", "a")) == Got(to_value(1))
