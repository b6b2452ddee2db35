"""The judge on general writes: rows, marks and outcomes, each right and wrong in one thing."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.check.calls import Untold
from bayou.check.changes import CONFLICT, executed
from bayou.check.history import History, HistoryError
from tests.test_check import ROOT, TWO, A, Event, log
from tests.test_check_rules import broken

ANN: Event = {
    "name": "ann",
    "do": [["set", "rooms", "a", "ann"]],
    "if": [["absent", "rooms", "a"]],
    "else": [{"do": [["set", "rooms", "b", "ann"]], "if": [["absent", "rooms", "b"]]}],
}
BOB: Event = {
    "name": "bob",
    "do": [["set", "rooms", "a", "bob"]],
    "if": [["absent", "rooms", "a"]],
    "else": [{"do": [["set", "rooms", "b", "bob"]], "if": [["absent", "rooms", "b"]]}],
}
CAT: Event = {"name": "cat", "do": [["set", "rooms", "a", "cat"]], "if": [["absent", "rooms", "a"]]}


def change(stamp: int, name: list[int], body: Event) -> list[Any]:
    return [stamp, name, 5, body]


def made(server: int, number: int, stamp: int) -> Event:
    told = {"event": "served", "server": server, "session": 7, "number": number, "verdict": "ok"}
    return {**told, "kind": "change", "collection": "", "key": "", "stamp": stamp}


def shown(server: int, number: int, *rows: list[Any], prefix: str = "", **more: Any) -> Event:
    told = {"event": "served", "server": server, "session": 8, "number": number, "verdict": "ok"}
    asked = {"kind": "rows", "collection": "rooms", "key": prefix, "view": "full", "after": None}
    return {**told, **asked, "read": list(rows), "last": True, **more}


def came_to(server: int, number: int, write: list[Any], *read: Any) -> Event:
    told = {"event": "served", "server": server, "session": 9, "number": number, "verdict": "ok"}
    asked = {"kind": "outcome", "collection": "", "key": "", "view": "full", "write": write}
    return {**told, **asked, "read": list(read)}


BEGUN = [
    *TWO,
    log(1, 1, tentative=[change(2, A, BOB)]), made(1, 1, 2),
    log(0, 1, [change(2, ROOT, ANN)]), made(0, 2, 2),
]  # fmt: skip
"""Both want the same room: bob has it at server 1, tentatively, ann at server 0, for good."""

TOGETHER = [
    *BEGUN,
    log(1, 1, [change(2, ROOT, ANN)]), log(0, 2, [change(2, A, BOB)]), log(1, 2, [[2, A, 4]]),
    log(0, 3, [change(3, ROOT, CAT)]), made(0, 3, 3),
]  # fmt: skip
"""Ann's comes first in the end, bob's is merged, and for cat nothing is left."""

OF_ANN, OF_BOB, OF_CAT = [2, ROOT], [2, A], [3, ROOT]


@pytest.mark.parametrize(
    ("begun", "event", "rules"),
    [
        (BEGUN, shown(1, 1, ["a", "bob", False]), []),
        (BEGUN, shown(1, 1, ["a", "bob", True]), ["marks"]),
        (BEGUN, shown(1, 1, ["a", "ann", False]), ["rows"]),
        (BEGUN, shown(1, 1), ["rows"]),
        (BEGUN, shown(1, 1, view="committed"), []),
        (BEGUN, shown(1, 1, ["a", "bob", False], view="committed"), ["rows"]),
        (BEGUN, shown(0, 1, ["a", "ann", True]), []),
        (BEGUN, shown(0, 1, ["a", "ann", False]), ["marks"]),
        (BEGUN, came_to(1, 1, OF_BOB, "tentative", 0, False), []),
        (BEGUN, came_to(1, 1, OF_BOB, "tentative", 1, False), ["outcomes"]),
        (BEGUN, came_to(1, 1, OF_BOB, "committed", 0, False), ["outcomes"]),
        (BEGUN, came_to(1, 1, OF_ANN, "unknown", None, False), []),
        (BEGUN, came_to(1, 1, OF_ANN, "committed", 0, False), ["outcomes"]),
        (TOGETHER, shown(0, 1, ["a", "ann", True], ["b", "bob", True]), []),
        (TOGETHER, shown(0, 1, ["a", "ann", True]), ["rows"]),
        (TOGETHER, shown(0, 1, ["a", "ann", True], last=False), []),
        (TOGETHER, shown(0, 1, ["b", "bob", True], after="a"), []),
        (TOGETHER, shown(0, 1, ["b", "bob", True], prefix="b"), []),
        (TOGETHER, shown(1, 1, ["a", "ann", True], ["b", "bob", True]), []),
        (TOGETHER, came_to(1, 1, OF_BOB, "committed", 1, False), []),
        (TOGETHER, came_to(1, 1, OF_BOB, "committed", 0, False), ["outcomes"]),
        (TOGETHER, came_to(0, 1, OF_CAT, "committed", CONFLICT, True), []),
        (TOGETHER, came_to(0, 1, OF_CAT, "committed", CONFLICT, False), ["outcomes"]),
        (TOGETHER, came_to(0, 1, OF_CAT, "committed", None, True), ["outcomes"]),
    ],
)
def test_what_is_shown_is_what_the_order_makes(begun: list[Event], event: Event, rules: list[str]) -> None:
    assert broken(*begun, event) == rules


def test_an_outcome_is_no_longer_known_where_its_write_is_let_go_of() -> None:
    gone = [*TOGETHER, {"event": "truncated", "server": 0, "csn": 4}]
    assert broken(*gone, came_to(0, 1, OF_CAT, "committed", None, True)) == []
    assert broken(*gone, came_to(0, 1, OF_CAT, "committed", CONFLICT, True)) == ["outcomes"]


def test_a_get_sees_what_general_writes_made() -> None:
    get = {"event": "served", "server": 1, "session": 8, "number": 1, "verdict": "ok", "kind": "get"}
    get |= {"collection": "rooms", "key": "a", "view": "full"}
    assert broken(*BEGUN, {**get, "read": "bob"}) == []
    assert broken(*BEGUN, {**get, "read": None}) == ["reads"]


def test_a_general_write_is_of_a_request_and_answered_as_such() -> None:
    assert broken(*TWO, log(1, 1, tentative=[change(2, A, BOB)])) == ["requests"]
    other = {**made(1, 1, 2), "kind": "put", "collection": "rooms", "key": "a"}
    assert broken(*TWO, log(1, 1, tentative=[change(2, A, BOB)]), other) == ["results"]


def test_what_a_function_does_nobody_can_tell_from_a_trace() -> None:
    call = {"name": "n", "call": ["fit", 1], "args": 1}
    begun = [*TWO, log(1, 1, tentative=[change(2, A, call)]), made(1, 1, 2)]
    assert broken(*begun, shown(1, 1, ["a", "x", False])) == []
    with pytest.raises(Untold):
        executed(call, {})


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (log(1, 1, tentative=[[2, A, 5, "text"]]), "a str where an object is due"),
        ({**shown(1, 1), "read": [["a", "x", 1]]}, "a int where true or false is due"),
        ({**shown(1, 1), "read": [["a", "x"]]}, "not enough values to unpack"),
        (came_to(1, 1, [2], "unknown", None, False), "not enough values to unpack"),
    ],
)
def test_an_event_of_another_form_is_refused(event: Event, why: str) -> None:
    with pytest.raises(HistoryError, match=why):
        History.of([*TWO, event])
