"""General writes, directed: what chance finds too seldom, the limits of a body, how little is executed."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from bayou.check.changes import written
from bayou.core import executions
from bayou.core.body import BadBody, body_of, made_body
from bayou.core.database import Database
from bayou.core.errors import MissingFunction, TurnedDown
from bayou.core.execute import execute
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.values import Value, text_value, to_value
from bayou.core.write import CHANGE, CREATION, DELETE, PUT, Write

WHOLE_MAX = (1 << 63) - 1
KEY_MAX = 1024
VALUE_MAX = 1 << 20
BODY_MAX = 1 << 16
CONFLICT = -1


def change(stamp: int, plain: Any, server: Name = ROOT) -> Write:
    """Return a general write; its name is by the way."""
    return Write(stamp, server, CHANGE, "", "", Value(made_body({"name": "n", **plain}).text))


def put(stamp: int, key: str, plain: Any, collection: str = "c") -> Write:
    return Write(stamp, ROOT, PUT, collection, key, to_value(plain))


def delete(stamp: int, key: str) -> Write:
    return Write(stamp, ROOT, DELETE, "c", key, None)


class Told:
    """A database that is told writes as they come, and settles after each."""

    def __init__(self) -> None:
        self.database = Database()

    def tell(self, write: Write) -> int:
        """Let a tentative write come in; return how many general writes were executed."""
        self.database.tentative(write)
        return self.database.settle()

    def outcome(self, write: Write) -> int | None:
        return self.database.outcome(write)

    def rows(self, collection: str = "c") -> dict[str, str]:
        return {key: value for key, value, _, _ in self.database.rows(collection)}


def came_to(plain: Any, *before: Write) -> tuple[int | None, dict[str, str]]:
    """Return the outcome of a body behind some writes, and the rows after it."""
    told = Told()
    for write in before:
        told.tell(write)
    last = change(1000, plain)
    told.tell(last)
    return told.outcome(last), told.rows()


# What chance finds too seldom.


@pytest.mark.parametrize("field", [".", "f"])
def test_queries_that_differ_in_one_and_true_only(field: str) -> None:
    def value(plain: Any) -> Any:
        return plain if field == "." else {field: plain}

    told = Told()
    kinds = (1, True, 1.0, "1")
    writes = [
        change(10 + at, {"do": [], "if": [["atleast", 1, "c", "", [[field, "=", each]]]]})
        for at, each in enumerate(kinds)
    ]
    for write in writes:
        assert told.tell(write) == 1
    for stamp, kind in enumerate(kinds, start=2):
        told.tell(put(stamp, "a", value(kind)))
        assert [told.outcome(write) for write in writes] == [
            0 if other is kind else CONFLICT for other in kinds
        ], kind
    assert told.tell(put(6, "a", value(True))) == 2, "the one who looks for text, and the one for true"
    assert told.tell(put(7, "a", value(1))) == 2


def test_is_tells_types_apart() -> None:
    for there in (1, True, 1.0, "1", [1], [True], {"f": 1}, {"f": 1.0}):
        for asked in (1, True, 1.0, "1", [1], [True], {"f": 1}, {"f": 1.0}):
            outcome, _ = came_to({"do": [], "if": [["is", "c", "a", asked]]}, put(1, "a", there))
            assert outcome == (0 if written(there) == written(asked) else CONFLICT), (there, asked)


def test_a_row_leaves_a_filter() -> None:
    told = Told()
    told.tell(put(1, "a", {"f": 1}))
    asks = change(9, {"do": [["set", "c", "z", True]], "if": [["atmost", 0, "c", "", [["f", "=", 1]]]]})
    told.tell(asks)
    assert told.outcome(asks) == CONFLICT
    assert told.tell(put(3, "a", {"f": 2})) == 1
    assert told.outcome(asks) == 0
    assert told.tell(delete(4, "a")) == 0, "it was not among them any more"
    assert told.tell(put(5, "a", {"f": 1, "g": 0})) == 1
    assert told.outcome(asks) == CONFLICT
    assert told.tell(delete(6, "a")) == 1
    assert told.outcome(asks) == 0


def test_a_write_that_has_come_to_read_another_query() -> None:
    told = Told()
    first, second = ["atmost", 0, "c", "a", []], ["atmost", 0, "c", "b", []]
    asks = change(9, {"do": [], "if": [first], "else": [{"do": [], "if": [second]}]})
    told.tell(asks)
    assert told.tell(put(1, "b", 1)) == 0, "nobody looks at b while the first one fits"
    assert told.tell(put(2, "a", 1)) == 1
    assert told.outcome(asks) == CONFLICT
    assert told.tell(delete(3, "b")) == 1
    assert told.outcome(asks) == 1
    assert told.tell(delete(4, "a")) == 1
    assert told.outcome(asks) == 0
    assert told.tell(put(5, "b", 1)) == 0, "nobody looks at b any more"


def test_a_row_that_stays_in_a_filter_counts_as_a_change() -> None:
    """Whether it is among the rows is the same as before; the rules of what is dirty don't go by that."""
    told = Told()
    asks = change(9, {"do": [], "if": [["atleast", 1, "c", "a", [["f", ">", 1]]]]})
    told.tell(asks)
    assert told.tell(put(1, "a", {"f": 2})) == 1
    assert told.tell(put(2, "a", {"f": 3})) == 1
    assert told.tell(put(3, "a", {"f": 3})) == 0, "the same value is no change"
    assert told.tell(put(4, "b", {"f": 3})) == 0, "another prefix"
    assert told.outcome(asks) == 0


def test_an_update_that_can_t_be_carried_out_because_of_a_row_that_changes_later() -> None:
    told = Told()
    adds = change(9, {"do": [["add", "c", "n", 1]], "else": [{"do": [["set", "c", "full", True]]}]})
    told.tell(adds)
    assert (told.outcome(adds), told.rows()) == (0, {"n": "1"})
    assert told.tell(put(2, "n", WHOLE_MAX)) == 1
    assert (told.outcome(adds), told.rows()) == (1, {"full": "true", "n": str(WHOLE_MAX)})
    assert told.tell(put(3, "n", WHOLE_MAX - 1)) == 1
    assert (told.outcome(adds), told.rows()) == (0, {"n": str(WHOLE_MAX)})
    assert told.tell(put(4, "n", "text")) == 1
    assert told.outcome(adds) == 1
    assert told.tell(delete(5, "n")) == 1
    assert (told.outcome(adds), told.rows()) == (0, {"n": "1"})


@pytest.mark.parametrize(
    ("there", "update", "after"),
    [
        (None, ["add", 1], "1"),
        (WHOLE_MAX, ["add", -1], str(WHOLE_MAX - 1)),
        (WHOLE_MAX, ["add", 1], None),
        (-WHOLE_MAX - 1, ["add", -1], None),
        (WHOLE_MAX, ["add", -WHOLE_MAX - 1], "-1"),
        (1.0, ["add", 1], None),
        (True, ["add", 1], None),
        ("1", ["add", 1], None),
        ([], ["add", 1], None),
        (None, ["insert", "b"], '["b"]'),
        (["c", "a", "a"], ["insert", "b"], '["a","b","c"]'),
        (["\U0001f3b5", "\uffee"], ["insert", "b"], '["b","\uffee","\U0001f3b5"]'),
        (["b", "b"], ["insert", "b"], '["b"]'),
        (None, ["remove", "b"], "[]"),
        (["c", "a", "a"], ["remove", "b"], '["a","c"]'),
        (["c", "b", "b"], ["remove", "b"], '["c"]'),
        (["a", 1], ["insert", "b"], None),
        (["a", None], ["remove", "a"], None),
        ({}, ["insert", "b"], None),
        ("b", ["remove", "b"], None),
    ],
)
def test_counters_and_sets(there: Any, update: list[Any], after: str | None) -> None:
    before = [] if there is None else [put(1, "a", there)]
    word, what = update
    outcome, rows = came_to({"do": [["set", "c", "b", 1], [word, "c", "a", what]]}, *before)
    if after is None:
        assert (outcome, rows) == (CONFLICT, {"a": written(there)}), "whole, or not at all"
    else:
        assert (outcome, rows) == (0, {"a": after, "b": "1"})


def test_a_set_that_grows_too_large() -> None:
    full = ["t" * (VALUE_MAX - 4)]
    assert came_to({"do": [["insert", "c", "a", ""]]}, put(1, "a", full))[0] == CONFLICT
    almost = ["t" * (VALUE_MAX - 7)]
    assert came_to({"do": [["insert", "c", "a", ""]]}, put(1, "a", almost))[0] == 0
    assert came_to({"do": [["insert", "c", "a", "x"]]}, put(1, "a", almost))[0] == CONFLICT


def test_new_up_to_99() -> None:
    taken = [put(1, "k", 0), *(put(number, f"k-{number}", 0) for number in range(2, 99))]
    body = {
        "do": [["new", "c", "k", 7]],
        "else": [{"do": [["set", "c", "z", 0]], "if": [["absent", "c", "z"]]}],
    }
    outcome, rows = came_to(body, *taken)
    assert (outcome, len(rows), rows["k-99"]) == (0, 99, "7")
    outcome, rows = came_to(body, *taken, put(99, "k-99", 0))
    assert (outcome, len(rows), rows["z"]) == (1, 100, "0")
    outcome, rows = came_to(body, *taken, put(99, "k-99", 0), delete(100, "k-50"))
    assert (outcome, len(rows), rows["k-50"]) == (0, 99, "7")
    assert "k-1" not in rows
    twice = {"do": [["new", "c", "k", 1], ["new", "c", "k", 2], ["delete", "c", "k"], ["new", "c", "k", 3]]}
    assert came_to(twice) == (0, {"k": "3", "k-2": "2"})


def test_new_with_a_key_that_would_be_too_large() -> None:
    for length, outcome in ((KEY_MAX - 2, 0), (KEY_MAX - 1, CONFLICT)):
        key = "\u00e9" * (length // 2) + "k" * (length % 2)
        assert came_to({"do": [["new", "c", key, 7]]}, put(1, key, 0))[0] == outcome
    key = "k" * (KEY_MAX - 2)
    taken = [put(1, key, 0), *(put(number, f"{key}-{number}", 0) for number in range(2, 10))]
    assert came_to({"do": [["new", "c", key, 7]]}, *taken)[0] == CONFLICT, "K-10 is too large"


@pytest.mark.parametrize(
    ("there", "where", "holds"),
    [
        ({"f": 1}, ["f", "!=", 1], False),
        ({"f": True}, ["f", "!=", 1], True),
        ({"f": None}, ["f", "!=", 1], True),
        ({"f": [1]}, ["f", "!=", 1], True),
        ({"g": 1}, ["f", "!=", 1], False),
        ([1], ["f", "!=", 1], False),
        ([1], [".", "!=", 1], True),
        ({}, [".", "!=", 1], True),
        ({".": 1}, [".", "=", 1], False),
        ({".": 1}, [".", "!=", 1], True),
        (1, [".", "<", 1.5], True),
        (1.5, [".", ">=", 1], True),
        (1, [".", "<=", 1.0], True),
        (1, [".", "=", 1.0], False),
        ((1 << 53) + 1, [".", ">", float(1 << 53)], True),
        (True, [".", "<=", 1], False),
        (True, [".", "<=", True], False),
        (True, [".", "=", True], True),
        ("1", [".", "<", 2], False),
        ("a", [".", "<", "b"], True),
        ("\U0001f3b5", [".", ">", "\uffee"], True),
        ("", [".", ">=", ""], True),
        ([], [".", "<", "a"], False),
    ],
)
def test_conditions_on_a_row(there: Any, where: list[Any], holds: bool) -> None:
    for condition in (["meets", "c", "a", [where]], ["atleast", 1, "c", "", [where]]):
        outcome, _ = came_to({"do": [], "if": [condition]}, put(1, "a", there), put(2, "b", [["other"]]))
        other = (
            came_to({"do": [], "if": [["atleast", 1, "c", "b", [where]]]}, put(2, "b", [["other"]]))[0] == 0
        )
        assert (outcome == 0) == (holds or (other and condition[0] == "atleast"))


def test_how_many_rows() -> None:
    rows = [put(at, key, at) for at, key in enumerate(["a", "ab", "b"], start=1)]
    for prefix, count in (("", 3), ("a", 2), ("ab", 1), ("abc", 0)):
        for number in range(5):
            atmost = came_to({"do": [], "if": [["atmost", number, "c", prefix, []]]}, *rows)[0] == 0
            atleast = came_to({"do": [], "if": [["atleast", number, "c", prefix, []]]}, *rows)[0] == 0
            assert (atmost, atleast) == (count <= number, count >= number)


def test_a_conflict_comes_and_goes_and_is_dealt_with() -> None:
    told = Told()
    fails = change(9, {"do": [], "if": [["present", "c", "a"]]}, ROOT.child(4).child(5))
    told.tell(fails)
    key = f"{9:020}:{5:020},{4:020}"
    assert told.rows("!conflicts") == {key: fails.value}
    told.tell(put(1, "a", 1))
    assert told.rows("!conflicts") == {}
    told.tell(delete(2, "a"))
    assert told.rows("!conflicts") == {key: fails.value}
    early = change(8, {"do": [["delete", "!conflicts", key]]})
    told.tell(early)
    assert told.rows("!conflicts") == {key: fails.value}, "it stands behind that deletion"
    late = change(10, {"do": [["delete", "!conflicts", key]]})
    told.tell(late)
    assert told.rows("!conflicts") == {}
    assert (told.outcome(fails), told.outcome(late)) == (CONFLICT, 0)
    root = change(11, {"do": [], "if": [["present", "c", "a"]]})
    told.tell(root)
    assert list(told.rows("!conflicts")) == [f"{11:020}:"]


def test_an_equal_value_is_given_by_the_last_that_gave_it() -> None:
    replica = Replica(ROOT.child(1))
    committed = [Write(1, ROOT, CREATION, "", "", None), put(2, "a", 1), put(3, "b", 1)]
    replica.apply(Items(0, committed, []))
    write = replica.change(made_body({"name": "n", "do": [["set", "c", "a", 1], ["add", "c", "x", 0]]}))
    assert list(replica.rows("c")) == [
        ("a", "1", False, write.place),
        ("b", "1", True, committed[2].place),
        ("x", "0", False, write.place),
    ]
    replica.apply(Items(3, [write.notice()], []))
    assert [seen[2] for seen in replica.rows("c")] == [True, True, True]


# Limits, at their edge and one beyond. What is off is off where a body is made, and where its text comes.


def nested(depth: int) -> Any:
    value: Any = 1
    for at in range(depth):
        value = [value] if at % 2 else {"f": value}
    return value


def of_bytes(size: int, filler: str, each: int, collection: str = "c") -> Any:
    """Return a body of that many bytes, of which a text is filled so."""
    plain = {"name": "n", "do": [["set", collection, "k", ""]]}
    left = size - len(written(plain))
    plain["do"] = [["set", collection, "k", filler * (left // each) + "x" * (left % each)]]
    return plain


def doing(*updates: Any) -> Any:
    return {"name": "n", "do": list(updates)}


def asking(*conditions: Any) -> Any:
    return {"name": "n", "do": [], "if": list(conditions)}


SET = ["set", "c", "k", 1]
ABSENT = ["absent", "c", "k"]

GOOD = {
    "a body of 64 KiB": of_bytes(BODY_MAX, "x", 1),
    "a body of 64 KiB, two bytes each": of_bytes(BODY_MAX, "\u00e9", 2),
    "a body of 64 KiB of odd bytes": of_bytes(BODY_MAX, "\udcff", 1, "playlist"),
    "nothing to do": {"name": "n", "do": []},
    "a name of one character": {"name": "\n", "do": []},
    "a name of 64 characters": {"name": "\U0001f3b5" * 64, "do": []},
    "a name with an odd byte": {"name": "n\udcff", "do": []},
    "64 alternatives": {"name": "n", "do": [], "else": [{"do": []}] * 63},
    "256 updates": doing(*[SET] * 256),
    "256 steps": {
        "name": "n", "do": [SET], "if": [ABSENT] * 200, "else": [{"do": [SET] * 50, "if": [ABSENT] * 5}]},
    "at most 0": asking(["atmost", 0, "c", "", []]),
    "at most many": asking(["atmost", WHOLE_MAX, "c", "", []]),
    "at least 0": asking(["atleast", 0, "c", "", []]),
    "a value 16 deep": doing(["set", "c", "k", nested(16)]),
    "a value 16 deep in a new row": doing(["new", "c", "k", nested(16)]),
    "a value 16 deep in an alternative": {
        "name": "n", "do": [], "else": [{"do": [["set", "c", "k", nested(16)]]}]},
    "a value 16 deep to compare with": {
        "name": "n", "do": [], "else": [{"do": [], "if": [["is", "c", "k", nested(16)]]}]},
    "arguments 16 deep": {"name": "n", "call": ["f", 1], "args": nested(16)},
    "null within a value": doing(["set", "c", "k", [None, {"f": None}]]),
    "an empty key": doing(["set", "c", "", 1], ["new", "c", "", 1], ["delete", "c", ""]),
    "a key of 1024 bytes": doing(["set", "c", "\u00e9" * 512, 1]),
    "a collection of 64 characters": doing(["set", "c" * 64, "k", 1]),
    "the largest number to add": doing(["add", "c", "k", WHOLE_MAX], ["add", "c", "k", -WHOLE_MAX - 1]),
    "a text in the playlist": doing(["set", "playlist", "\udcff", "u\udcff"], ["new", "playlist", "k", "u"]),
    "a song deleted": doing(["delete", "playlist", "k"]),
    "a conflict deleted": doing(["delete", "!conflicts", "whatever"]),
    "all operators": asking(
        ["meets", "c", "k", [[".", op, 1] for op in ("=", "!=", "<", "<=", ">", ">=")] + [["", "=", 1.5]]]),
    "a field given twice in two objects": doing(["set", "c", "k", [{"f": 1}, {"f": 1}]]),
}  # fmt: skip

BAD: dict[str, Any] = {
    "a body beyond 64 KiB": of_bytes(BODY_MAX + 1, "x", 1),
    "a body beyond 64 KiB, two bytes each": of_bytes(BODY_MAX + 1, "\u00e9", 2),
    "a body beyond 64 KiB of odd bytes": of_bytes(BODY_MAX + 1, "\udcff", 1, "playlist"),
    "no object": [],
    "no name": {"do": []},
    "an empty name": {"name": "", "do": []},
    "a name of 65 characters": {"name": "n" * 65, "do": []},
    "a name that is no text": {"name": 1, "do": []},
    "neither do nor call": {"name": "n"},
    "both do and call": {"name": "n", "do": [], "call": ["f", 1], "args": 1},
    "a call without arguments": {"name": "n", "call": ["f", 1]},
    "arguments without a call": {"name": "n", "do": [], "args": 1},
    "arguments that are null": {"name": "n", "call": ["f", 1], "args": None},
    "arguments 17 deep": {"name": "n", "call": ["f", 1], "args": nested(17)},
    "a version that is no number": {"name": "n", "call": ["f", True], "args": 1},
    "a call without a version": {"name": "n", "call": ["f"], "args": 1},
    "a field by": {"name": "n", "do": [], "by": "x"},
    "a field code": {"name": "n", "code": "x"},
    "a name in an alternative": {"name": "n", "do": [], "else": [{"name": "m", "do": []}]},
    "an else in an alternative": {"name": "n", "do": [], "else": [{"do": [], "else": [{"do": []}]}]},
    "an empty if": {"name": "n", "do": [], "if": []},
    "an empty else": {"name": "n", "do": [], "else": []},
    "an empty if in an alternative": {"name": "n", "do": [], "else": [{"do": [], "if": []}]},
    "an else that is no list": {"name": "n", "do": [], "else": {"do": []}},
    "an if that is no list": {"name": "n", "do": [], "if": {}},
    "a do that is no list": {"name": "n", "do": {}},
    "a do that is null": {"name": "n", "do": None},
    "an alternative that is no object": {"name": "n", "do": [], "else": [[]]},
    "65 alternatives": {"name": "n", "do": [], "else": [{"do": []}] * 64},
    "257 updates": doing(*[SET] * 257),
    "257 steps": {
        "name": "n", "do": [SET], "if": [ABSENT] * 200, "else": [{"do": [SET] * 50, "if": [ABSENT] * 6}]},
    "at most -1": asking(["atmost", -1, "c", "", []]),
    "at least -1": asking(["atleast", -1, "c", "", []]),
    "at most true": asking(["atmost", True, "c", "", []]),
    "at most 1.0": asking(["atmost", 1.0, "c", "", []]),
    "at most beyond 64 bits": asking(["atmost", WHOLE_MAX + 1, "c", "", []]),
    "a value 17 deep": doing(["set", "c", "k", nested(17)]),
    "a value 17 deep in a new row": doing(["new", "c", "k", nested(17)]),
    "a value 17 deep to compare with": asking(["is", "c", "k", nested(17)]),
    "a value that is null": doing(["set", "c", "k", None]),
    "a new value that is null": doing(["new", "c", "k", None]),
    "null to compare with": asking(["is", "c", "k", None]),
    "a value beyond 64 bits": doing(["set", "c", "k", [WHOLE_MAX + 1]]),
    "a value that is infinite": doing(["set", "c", "k", float("inf")]),
    "a value that is no number": asking(["meets", "c", "k", [["f", "=", float("nan")]]]),
    "an unknown update": doing(["append", "c", "k", 1]),
    "an update that is a condition": doing(["absent", "c", "k"]),
    "a condition that is an update": asking(["set", "c", "k", 1]),
    "an unknown condition": asking(["none", "c", "", []]),
    "an update of nothing": doing([]),
    "an update that is no list": doing({"set": 1}),
    "a word that is no text": doing([["set"], "c", "k", 1]),
    "an update too short": doing(["set", "c", "k"]),
    "an update too long": doing(["delete", "c", "k", 1]),
    "a condition too short": asking(["atmost", 1, "c", ""]),
    "a key that is no text": doing(["set", "c", 1, 1]),
    "a key of 1025 bytes": doing(["set", "c", "\u00e9" * 512 + "x", 1]),
    "a key of 1025 bytes that is asked for": asking(["present", "c", "k" * 1025]),
    "a key with an odd byte": doing(["set", "c", "\udcff", 1]),
    "a collection of 65 characters": doing(["set", "c" * 65, "k", 1]),
    "a collection in capitals": doing(["set", "C", "k", 1]),
    "no collection": asking(["atmost", 1, "", "", []]),
    "a fraction to add": doing(["add", "c", "k", 1.0]),
    "true to add": doing(["add", "c", "k", True]),
    "a number beyond 64 bits to add": doing(["add", "c", "k", WHOLE_MAX + 1]),
    "a number to insert": doing(["insert", "c", "k", 1]),
    "a list to remove": doing(["remove", "c", "k", ["t"]]),
    "an odd byte to insert": doing(["insert", "c", "k", "\udcff"]),
    "an odd byte to set": doing(["set", "c", "k", ["\udcff"]]),
    "a number in the playlist": doing(["set", "playlist", "k", 1]),
    "an object that is new in the playlist": doing(["new", "playlist", "k", {}]),
    "a text with a blank in the playlist": doing(["set", "playlist", "k", "a b"]),
    "an empty text in the playlist": doing(["set", "playlist", "k", ""]),
    "an empty song": doing(["set", "playlist", "", "u"]),
    "a counter in the playlist": doing(["add", "playlist", "k", 1]),
    "a set in the playlist": doing(["insert", "playlist", "k", "t"]),
    "a set in the playlist, less one": doing(["remove", "playlist", "k", "t"]),
    "no WHERE": asking(["meets", "c", "k", None]),
    "a WHERE that is one condition": asking(["meets", "c", "k", ["f", "=", 1]]),
    "an operator that is none": asking(["meets", "c", "k", [["f", "==", 1]]]),
    "a field that is no text": asking(["meets", "c", "k", [[1, "=", 1]]]),
    "a comparison with null": asking(["meets", "c", "k", [["f", "=", None]]]),
    "a comparison with a list": asking(["meets", "c", "k", [["f", "!=", []]]]),
    "a comparison too short": asking(["meets", "c", "k", [["f", "="]]]),
    "a text that nothing makes": {"name": "\ud800", "do": []},
    "odd bytes that are UTF-8": {"name": "\udcc3\udca9", "do": []},
    "a conflict made": doing(["set", "!conflicts", "k", 1]),
    "a new conflict": doing(["new", "!conflicts", "k", 1]),
    "a conflict that counts": doing(["add", "!conflicts", "k", 1]),
    "a conflict inserted into": doing(["insert", "!conflicts", "k", "t"]),
    "a conflict removed from": doing(["remove", "!conflicts", "k", "t"]),
    "a grant made": doing(["set", "!grants", "k", 1]),
    "a grant deleted": doing(["delete", "!grants", "k"]),
    "a conflict that is asked for": asking(["is", "!conflicts", "k", 1]),
    "a conflict that is absent": asking(["absent", "!conflicts", "k"]),
    "a conflict that is present": asking(["present", "!conflicts", "k"]),
    "a conflict that meets": asking(["meets", "!conflicts", "k", []]),
    "conflicts that are few": asking(["atmost", 0, "!conflicts", "", []]),
    "conflicts that are many": asking(["atleast", 1, "!conflicts", "", []]),
}  # fmt: skip


@pytest.mark.parametrize("what", GOOD)
def test_a_body_within_the_limits(what: str) -> None:
    body = made_body(GOOD[what])
    assert body.text == written(GOOD[what])
    assert body_of(body.text) == body


@pytest.mark.parametrize("what", BAD)
def test_a_body_that_is_wrong_in_itself(what: str) -> None:
    with pytest.raises(BadBody):
        made_body(BAD[what])
    with pytest.raises(BadBody):
        body_of(written(BAD[what]))


@pytest.mark.parametrize(
    "text",
    [
        '{"do":[["set","c","k","\\u001f\\b\\f\\n\\r\\t\\"\\\\/\x7f\u2028\u00e9"]],"name":"n"}',
        '{"do":[["set","c","k",{"\uffee":1,"\U0001f3b5":2}]],"name":"n"}',
        '{"do":[["set","c","k",[0,0.0,1e+16,1e-07,100000.0]]],"name":"n"}',
    ],
)
def test_a_body_in_canonical_form(text: str) -> None:
    assert body_of(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        '{"do":[],"name":"n"} ',
        '{"do": [],"name":"n"}',
        '{"name":"n","do":[]}',
        '{"do":[],"name":"m","name":"n"}',
        '{"do":[],"name":"\\u0041"}',
        '{"do":[],"name":"\\/"}',
        '{"do":[],"name":"\\u000a"}',
        '{"do":[],"name":"\\u001F"}',
        '{"do":[],"name":"\\u007f"}',
        '{"do":[],"name":"\x1f"}',
        '{"do":[],"name":"\\ud83c\\udfb5"}',
        '{"do":[["set","c","k",-0]],"name":"n"}',
        '{"do":[["set","c","k",-0.0]],"name":"n"}',
        '{"do":[["set","c","k",1E16]],"name":"n"}',
        '{"do":[["set","c","k",1.50]],"name":"n"}',
        '{"do":[["set","c","k",1e400]],"name":"n"}',
        '{"do":[["set","c","k",NaN]],"name":"n"}',
        '{"do":[["set","c","k",{"b":1,"a":1}]],"name":"n"}',
        '{"do":[["set","c","k",{"a":1,"a":1}]],"name":"n"}',
        '{"do":[["set","c","k",{"\U0001f3b5":2,"\uffee":1}]],"name":"n"}',
        '{"do":' + "[" * 5000 + "]" * 5000 + ',"name":"n"}',
        '{"do":[["add","c","k",' + "1" * 5000 + ']],"name":"n"}',
    ],
)
def test_a_body_in_another_form(text: str) -> None:
    with pytest.raises(BadBody):
        body_of(text)


# How little is executed.


@pytest.mark.parametrize(
    "updates",
    [
        [["set", "c", "a", 1], ["add", "c", "a", 1]],
        [["delete", "c", "a"], ["new", "c", "a", 1]],
        [["set", "c", "a", []], ["insert", "c", "a", "t"], ["remove", "c", "a", "u"]],
        [["set", "c", "a", 1], ["set", "c", "a", 2]],
    ],
)
def test_what_a_write_reads_of_its_own_changes_is_no_read(updates: Any) -> None:
    told = Told()
    write = change(9, {"do": updates})
    assert told.tell(write) == 1
    assert told.tell(put(1, "a", {"f": 1})) == 0
    assert told.tell(delete(2, "a")) == 0
    assert told.outcome(write) == 0


def test_what_is_not_reached_is_no_read() -> None:
    told = Told()
    fits = {"do": [["set", "c", "z", 1]], "if": [["absent", "c", "a"], ["absent", "c", "b"]]}
    write = change(9, {**fits, "else": [{"do": [], "if": [["present", "c", "d"]]}]})
    told.tell(write)
    assert told.tell(put(1, "d", 1)) == 0, "the first one fits"
    assert told.tell(put(2, "a", 1)) == 1
    assert told.outcome(write) == 1
    assert told.tell(put(3, "b", 1)) == 0, "a condition before it fails already"
    assert told.tell(delete(4, "d")) == 1
    assert told.outcome(write) == CONFLICT
    assert told.tell(delete(5, "a")) == 1
    assert told.tell(delete(6, "b")) == 1
    assert told.outcome(write) == 0


def test_nobody_looks_behind_the_next_version() -> None:
    told = Told()
    reads = [change(stamp, {"do": [], "if": [["present", "c", "a"]]}) for stamp in (10, 20, 30)]
    moves = change(25, {"do": [["add", "c", "a", 1]]})
    for write in (*reads, moves):
        told.tell(write)
    assert told.tell(put(15, "a", 5)) == 3, "the one at 20, the next version's, and who reads that one"
    assert told.tell(put(12, "a", 7)) == 0
    assert told.tell(put(5, "a", 7)) == 1
    assert told.tell(put(14, "a", 5)) == 0
    assert told.tell(put(26, "a", 0)) == 1
    assert told.tell(put(16, "a", 5)) == 0, "an equal value"
    assert told.tell(put(17, "a", 1)) == 2
    assert told.rows()["a"] == "0"


class Late:
    """A replica to which its own writes came first: one of the root's, of which it hears late, stands before
    all of them. Counts executions."""

    def __init__(self) -> None:
        self.replica = Replica(ROOT.child(1))
        self.replica.apply(Items(0, [], [Write(1, ROOT, CREATION, "", "", None)]))

    def accept(self, plain: Any) -> Write:
        return self.replica.change(made_body({"name": "n", **plain}))

    def hear(self, items: Items) -> int:
        """Return how many executions it takes to hear of something."""
        with mock.patch.object(executions, "execute", wraps=execute) as counting:
            self.replica.apply(items)
        return counting.call_count

    def hear_late(self, plain: Any) -> int:
        return self.hear(Items(self.replica.csn, [], [change(2, plain)]))


@pytest.mark.parametrize("depend", [0, 1, 10, 1000])
@pytest.mark.parametrize("by_query", [False, True])
def test_a_late_write_executes_itself_and_what_depends_on_it(depend: int, by_query: bool) -> None:
    late, many = Late(), 1500
    others = [at for at in range(many) if (at * depend) // many == ((at + 1) * depend) // many]
    dependent = []
    for at in range(many):
        name = "cold" if at in others else "hot"
        condition = ["atleast", 1, "c", "", [["f", "=", name]]] if by_query else ["present", "c", name]
        write = late.accept({"do": [["set", "d", str(at), at]], "if": [condition]})
        if name == "hot":
            dependent.append(write)
    assert len(dependent) == depend
    assert (
        late.hear_late({"do": [["set", "c", "hot", {"f": "hot"}], ["set", "d", "0", "hidden"]]}) == depend + 1
    )
    assert all(late.replica.database.outcome(write) == 0 for write in dependent)
    made = {version.key for write in dependent for version in late.replica.database.versions(write)}
    assert [seen[0] for seen in late.replica.rows("d")] == sorted(made | {"0"})


@pytest.mark.parametrize("additions", [0, 1, 200])
def test_a_counter_with_tentative_additions(additions: int) -> None:
    late = Late()
    for _ in range(additions):
        late.accept({"do": [["add", "c", "n", 1]]})
    assert late.hear_late({"do": [["add", "c", "n", 5]]}) == additions + 1
    assert late.replica.get("c", "n") == str(additions + 5)


def test_commitment_in_accept_order_executes_nothing() -> None:
    late = Late()
    writes = [late.accept({"do": [["add", "c", "n", 1]]}) for _ in range(20)]
    creation = Write(1, ROOT, CREATION, "", "", None)
    assert late.hear(Items(0, [creation.notice(), *(write.notice() for write in writes)], [])) == 0
    assert late.replica.get("c", "n", committed_only=True) == "20"
    assert not late.replica.log.tentative


def test_commitment_in_another_order_executes_that_write_and_what_depends_on_it() -> None:
    late = Late()
    creations = [Write(1, ROOT, CREATION, "", "", None), Write(2, ROOT, CREATION, "", "", None)]
    late.hear(Items(0, [], creations[1:]))
    first = late.accept({"do": [["add", "c", "n", 1]]})
    second = late.accept({"do": [["set", "c", "seen", True]], "if": [["is", "c", "n", 1]]})
    apart = [late.accept({"do": [["add", "c", "x", 1]]}) for _ in range(5)]
    other = change(9, {"do": [["add", "c", "n", 1]]}, creations[1].created)
    assert late.hear(Items(0, [], [other])) == 1
    assert late.replica.database.outcome(second) == 0
    creations_and_other = [*(creation.notice() for creation in creations), other.notice()]
    assert late.hear(Items(0, creations_and_other, [])) == 3, "that one, and the first two again"
    assert late.replica.database.outcome(second) == CONFLICT
    assert (late.replica.get("c", "n", committed_only=True), late.replica.get("c", "n")) == ("1", "2")
    late.replica.check()
    assert late.hear(Items(3, [write.notice() for write in (first, second, *apart)], [])) == 0
    assert late.replica.database.outcome(second) == CONFLICT
    late.replica.check()


def test_a_primary_that_marks_executes_nothing() -> None:
    root = Replica(ROOT)
    creation = root.create()
    name = creation.created
    writes = [change(5 + at, {"do": [["add", "c", "n", 1]]}, name) for at in range(10)]
    root.apply(Items(1, [], writes))
    with mock.patch.object(executions, "execute", wraps=execute) as counting:
        assert root.mark() == 10
        assert counting.call_count == 0
        root.change(made_body({"name": "n", "do": [["add", "c", "n", 1]]}))
        assert counting.call_count == 1
    assert root.get("c", "n", committed_only=True) == "11"
    root.check()


def test_a_write_that_calls_what_is_missing_is_not_taken() -> None:
    """Neither from a client nor from a peer; what came before it stays."""
    body = made_body({"name": "n", "call": ["fit", 1], "args": 1})
    replica = Replica(ROOT)
    with pytest.raises(TurnedDown, match="the function fit 1 is missing here: start the server with it"):
        replica.change(body)
    put = Write(1, ROOT, PUT, "c", "k", text_value("x"))
    call = Write(2, ROOT, CHANGE, "", "", Value(body.text))
    for items in (Items(0, [put, call], []), Items(0, [], [put, call])):
        other = Replica(ROOT)
        with pytest.raises(MissingFunction, match="the function fit 1 is missing here"):
            other.apply(items)
        other.check()
        assert (other.get("c", "k"), len(other.log)) == (text_value("x"), 1)
