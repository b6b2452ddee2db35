"""General writes 3: order, and outcomes that change."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.core.body import made_body
from bayou.core.database import Database
from bayou.core.name import ROOT, Name
from bayou.core.values import Value, to_value
from bayou.core.write import CHANGE, PUT, Write
from tests.behaviour.scenarios import PAIR, TRIO, printed, printed_by_processes, replicas

ISLAND = f"{TRIO}pause; "
MEET = "breakConnection 0 1; breakConnection 0 2; start; "
"""Servers 1 and 2 meet without the primary."""


def change(stamp: int, plain: dict[str, Any], server: Name = ROOT) -> Write:
    return Write(stamp, server, CHANGE, "", "", Value(made_body({"name": "n", **plain}).text))


def put(stamp: int, key: str, plain: Any) -> Write:
    return Write(stamp, ROOT, PUT, "c", key, to_value(plain))


def copies(stamp: int, source: str, target: str) -> Write:
    """A write that gives a row 1 where another one has 1, and otherwise 0."""
    return change(stamp, {
        "do": [["set", "c", target, 1]], "if": [["is", "c", source, 1]],
        "else": [{"do": [["set", "c", target, 0]]}],
    })  # fmt: skip


def executed(database: Database, write: Write) -> int:
    """Let a tentative write come in, and return how many general writes were executed."""
    database.tentative(write)
    return database.settle()


# In the committed view, and in the full one.


@pytest.mark.processes
def test_writes3_a_tentative_outcome_may_change_until_it_is_committed() -> None:
    """A late write that belongs before a tentative one may change its outcome, the same in both worlds."""
    scenario = (
        f"{ISLAND}write 9 b set n/b x if absent n/a else set n/b late; outcome 9 b; write 8 a set n/a x; "
        f"{MEET}outcome 9 b; rows 9 n/; restoreConnection 0 2; outcome 9 b"
    )
    expected = ["b:applied:FALSE", "b:merged 1:FALSE", "n/a:x:FALSE", "n/b:late:FALSE", "b:merged 1:TRUE"]
    assert printed(scenario) == printed_by_processes(scenario) == expected


def test_writes3_a_committed_outcome_is_final() -> None:
    """What is committed keeps its outcome, whatever comes later with an older stamp."""
    scenario = (
        f"{TRIO}breakConnection 0 1; breakConnection 1 2; write 8 a set n/a x; "
        "write 9 b set n/b x if absent n/a else set n/b late; outcome 9 b; restoreConnection 1 2; "
        "outcome 9 b; rows 9 n/"
    )
    assert printed(scenario) == ["b:applied:TRUE", "b:applied:TRUE", "n/a:x:TRUE", "n/b:x:TRUE"]


def test_writes3_a_write_is_executed_on_what_stands_before_it() -> None:
    """In the full view a tentative write sees the committed state, and the tentative writes before it
    alone."""
    scenario = (
        f"{PAIR}write 8 base set n/a 1; pause; write 9 one add n/a 1 if is n/a 1; "
        "write 9 two add n/a 1 if is n/a 2; write 9 three add n/a 1 if is n/a 2; rows 9 n/; printLog 1"
    )
    assert printed(scenario) == [
        "n/a:3:FALSE",
        "WRITE:(base, applied):TRUE",
        "WRITE:(one, applied):FALSE",
        "WRITE:(two, applied):FALSE",
        "WRITE:(three, conflict):FALSE",
    ]


def test_writes3_the_committed_view_executes_on_the_committed_state() -> None:
    """A write that is committed before an older one is executed without it, and that one again behind it."""
    scenario = (
        f"{TRIO}breakConnection 0 1; breakConnection 1 2; write 8 a set n/a a if absent n/b; rows 8 n/; "
        "write 9 b set n/b b if absent n/a; rows 9 n/; restoreConnection 0 1; rows 8 n/; printLog 1"
    )
    assert printed(scenario) == [
        "n/a:a:FALSE",
        "n/b:b:TRUE",
        "n/b:b:TRUE",
        "WRITE:(b, applied):TRUE",
        "WRITE:(a, conflict):TRUE",
    ]


def test_writes3_a_conflict_comes_and_goes_with_the_outcome() -> None:
    """The row in the error log is there as long as nothing of the write fits."""
    scenario = (
        f"{TRIO}write 7 base set n/a 1; pause; write 9 b nothing if absent n/a; conflicts 9; "
        "write 8 a del n/a; "
        f"{MEET}conflicts 9; outcome 9 b"
    )
    assert printed(scenario) == ["CONFLICT:(b):FALSE", "b:applied:FALSE"]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_writes3_a_chain_of_writes_turns_over_whole(length: int) -> None:
    """Where a write changes another, that may change a third, and so on, all in one step."""
    chain = "".join(
        f"write 9 x{at} set c/{at} yes if is c/{at - 1} yes else set c/{at} no; "
        for at in range(1, length + 1)
    )
    scenario = f"{ISLAND}{chain}write 8 late set c/0 yes; {MEET}rows 9 c/"
    assert printed(scenario) == [f"c/{at}:yes:FALSE" for at in range(length + 1)]


def test_writes3_the_result_is_that_of_executing_everything_from_the_start() -> None:
    """Whatever came late, rows, marks and outcomes are what the writes make in their order, one by one."""
    scenario = ISLAND + "".join(
        f"write {client} {client}-{number} add n/{number % 2} 1 if atmost {number} n/ where . > {number} "
        f"else new n/x {number}; put {client} song {client}-{number}; "
        for number in range(4)
        for client in (9, 8, 7)
    )
    for server in replicas(f"{scenario}{MEET}").values():
        server.check()


# How little is executed.


def test_writes3_a_late_write_executes_itself_and_what_depends_on_it() -> None:
    """Of many tentative writes only those are executed again that read what a late one has changed."""
    database = Database()
    for stamp in range(10, 110):
        executed(database, copies(stamp, f"s{stamp % 10}", f"t{stamp}"))
    assert executed(database, put(2, "elsewhere", 1)) == 0
    assert executed(database, put(2, "s3", 1)) == 10
    assert executed(database, change(1, {"do": [["set", "c", "s4", 1]]})) == 11


def test_writes3_where_the_value_is_the_same_nothing_is_executed_again() -> None:
    """A version that gives a row the value that it had there makes no write be executed again."""
    database = Database()
    executed(database, put(1, "s", 1))
    executed(database, copies(10, "s", "t"))
    assert executed(database, put(5, "s", 1)) == 0
    assert executed(database, put(6, "s", 2)) == 1


def test_writes3_nobody_looks_behind_the_next_version_of_a_row() -> None:
    """A change of a row concerns the writes up to its next version, that one's write included."""
    database = Database()
    executed(database, copies(10, "s", "t1"))
    executed(database, put(20, "s", 2))
    executed(database, copies(30, "s", "t2"))
    assert executed(database, put(5, "s", 1)) == 1
    executed(database, change(40, {"do": [["add", "c", "n", 1]]}))
    executed(database, change(50, {"do": [["add", "c", "n", 1]]}))
    assert executed(database, put(3, "n", 5)) == 2


def test_writes3_each_is_executed_at_most_once_in_a_step() -> None:
    """A write that depends on several that change is executed once, behind all of them."""
    database = Database()
    executed(database, copies(10, "s", "a"))
    executed(database, copies(11, "s", "b"))
    executed(
        database,
        change(12, {"do": [["set", "c", "both", 1]], "if": [["is", "c", "a", 1], ["is", "c", "b", 1]]}),
    )
    assert executed(database, put(5, "s", 1)) == 3
    assert database.get("c", "both") == "1"


def test_writes3_a_query_is_read_where_a_row_meets_it_before_or_after() -> None:
    """A write is executed again where a row comes into a query of its own, changes within it, or leaves
    it."""
    database = Database()
    executed(database, change(20, {"do": [], "if": [["atleast", 1, "c", "k", [["a", "=", 1]]]]}))
    assert executed(database, put(1, "k1", {"a": 2})) == 0
    assert executed(database, put(2, "j1", {"a": 1})) == 0
    assert executed(database, put(3, "k1", {"a": 1})) == 1
    assert executed(database, put(4, "k1", {"a": 1, "b": 1})) == 1
    assert executed(database, put(5, "k1", {"a": True})) == 1


def test_writes3_commitment_in_order_executes_nothing() -> None:
    """The first write of the suffix is committed as it stands, and so is all that the primary marks."""
    database = Database()
    writes = [copies(10, "s", "t"), copies(11, "t", "u"), put(12, "v", 1)]
    for write in writes:
        executed(database, write)
    database.commit(writes[0], is_first=True)
    assert database.settle() == 0
    database.commit_all(writes[1:])
    assert database.settle() == 0
    assert database.outcome(writes[1]) == 1


def test_writes3_a_put_that_is_committed_in_another_place_counts_as_a_change() -> None:
    """Commitment out of order makes those be executed again that stood before the write and read its row."""
    database = Database()
    writes = [copies(10, "s", "t"), copies(11, "x", "y"), put(12, "s", 1)]
    for write in writes:
        executed(database, write)
    assert database.outcome(writes[0]) == 1
    database.commit(writes[2], is_first=False)
    assert database.settle() == 1
    assert database.outcome(writes[0]) == 0


def test_writes3_a_general_write_that_is_committed_out_of_order_is_executed_on_the_committed_state() -> None:
    """It is executed once there, and what has read its rows before it again behind it."""
    database = Database()
    first, second = (
        copies(10, "s", "t"),
        change(11, {"do": [["set", "c", "s", 1]], "if": [["absent", "c", "t"]]}),
    )
    executed(database, first)
    executed(database, second)
    assert database.outcome(second) == -1
    database.commit(second, is_first=False)
    assert database.settle() == 1
    assert (database.outcome(second), database.outcome(first)) == (0, 0)


def test_writes3_writes_without_readers_execute_nothing() -> None:
    """Puts and deletes that come in any order, where no general write reads, execute nothing."""
    database = Database()
    assert [executed(database, put(stamp, "k", stamp)) for stamp in (5, 3, 9, 1)] == [0, 0, 0, 0]
