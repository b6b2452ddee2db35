"""Rows as they may be seen, and what the judge's interpreter and pasts do at their limits."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.changes import CONFLICT, executed
from bayou.check.history import Write as Told
from bayou.check.views import Made
from bayou.core.body import BadBody, made_body
from bayou.core.errors import MissingFunction
from bayou.core.execute import conflict_key, execute
from bayou.core.functions import Functions
from bayou.core.name import ROOT, Name
from bayou.core.replay import Replay
from bayou.core.replica import Replica
from bayou.core.rows import CONFLICTS, BadRow
from bayou.core.seen import check_readable, check_seen
from bayou.core.sortedwrites import SortedWrites, take_from
from bayou.core.values import Value, to_value
from bayou.core.write import PUT, Write

BODY = made_body({"name": "n", "do": []}).text


def test_rows_of_the_error_log_are_those_of_writes() -> None:
    key = conflict_key(7, Name.of((5, 3)))
    for seen, text in ((key, BODY), (key, None), (conflict_key(7, ROOT), BODY)):
        check_seen(CONFLICTS, seen, text)
    check_readable(CONFLICTS)
    for bad, text in (("k", BODY), (f"{key},x", BODY), (key, "1"), (key, '{"do":[]}')):
        with pytest.raises(BadRow):
            check_seen(CONFLICTS, bad, text)
    check_seen("n", "k", "1")
    for text in ("{", "null", '{"b":1, "a":2}'):
        with pytest.raises(BadRow):
            check_seen("n", "k", text)
    with pytest.raises(BadRow):
        check_readable("!grants")


@pytest.mark.parametrize(
    ("values", "update", "is_carried_out"),
    [
        ({("n", "s"): ["a"]}, ["insert", "n", "s", "x" * (1 << 20)], False),
        ({}, ["new", "n", "k" * 1025, 1], False),
        ({("n", "k"): True}, ["add", "n", "k", 1], False),
        ({("n", "k"): 2**63 - 1}, ["add", "n", "k", 1], False),
        ({("n", "k"): ["a", 1]}, ["insert", "n", "k", "b"], False),
        ({("n", "k"): 1}, ["remove", "n", "k", "b"], False),
        ({}, ["remove", "n", "k", "b"], True),
        ({("n", f"k{'' if n == 1 else f'-{n}'}"): 1 for n in range(1, 100)}, ["new", "n", "k", 1], False),
    ],
)
def test_the_judge_knows_what_can_be_carried_out(values: Any, update: Any, is_carried_out: bool) -> None:
    outcome, _ = executed({"name": "n", "do": [update]}, values)
    assert outcome == (0 if is_carried_out else CONFLICT)


def test_the_judge_tells_values_apart() -> None:
    def holds(value: Any, wanted: Any) -> bool:
        return (
            executed({"name": "n", "do": [], "if": [["is", "n", "k", wanted]]}, {("n", "k"): value})[0] == 0
        )

    assert holds([1, {"a": None}], [1, {"a": None}])
    for value, wanted in (
        ([1], [1.0]),
        ([1], [1, 1]),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"b": 1}),
        (1, "1"),
    ):
        assert not holds(value, wanted)


def test_a_view_with_a_write_that_nobody_told_is_not_judged() -> None:
    made = Made()
    made.take(Told((1, ()), "untold"), is_committed=True)
    assert not made.is_told


def test_a_past_that_lacks_what_general_writes_stood_on_is_not_replayed() -> None:
    """Nor is one whose writes call functions, which it does not have."""
    replica = Replica(ROOT)
    replica.put("n", "a", to_value(1))
    replica.change(made_body({"name": "w", "do": [["add", "n", "a", 1]]}))
    replica.fold()
    replica.truncate(1)
    replica.check()
    functions = Functions()
    functions.register("f", 1, lambda view, args: [["set", "n", "b", args]])
    calling = Replica(ROOT, functions=functions)
    calling.change(made_body({"name": "w", "call": ["f", 1], "args": 5}))
    calling.fold()
    calling.check()
    assert calling.get("n", "b") == "5"


def test_what_calls_a_function_where_there_is_none() -> None:
    body = made_body({"name": "w", "call": ["f", 1], "args": 5})
    with pytest.raises(MissingFunction, match="the function f 1 is missing here"):
        execute(body, Replay(None, None))
    for call in (["", 1], ["f", 0]):
        with pytest.raises(BadBody, match="is no function with a version"):
            made_body({"name": "w", "call": call, "args": 5})


def test_a_write_that_is_not_in_a_run_is_not_taken_out() -> None:
    writes = [Write(n, ROOT, PUT, "n", "k", Value(str(n))) for n in range(1, 6)]
    with pytest.raises(ValueError, match="is not here"):
        take_from({"k": writes[0]}, "k", writes[1])
    long = SortedWrites(writes, short_max=2)
    assert long.page(1, 2) == writes[1:3]
