"""General writes 2: what a write says, and how it is executed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bayou.core.body import BadBody, made_body
from bayou.core.execute import Executed, conflict_key, execute
from bayou.core.name import ROOT, Name
from bayou.core.values import Value, to_value
from bayou.core.write import CHANGE, Write
from bayou.wire.errors import WireError
from bayou.wire.writes import pack_write, pack_writes, unpack_write, unpack_writes
from tests.behaviour.scenarios import PAIR, TRIO, complaints, printed, printed_by_processes, replicas

ONE = "joinServer 0; joinClient 8 0; "
WHOLE_MAX = 9223372036854775807


class Rows:
    """Rows of the collection c, as a write sees them."""

    def __init__(self, rows: dict[str, Any]) -> None:
        self._rows = {key: to_value(plain) for key, plain in rows.items()}

    def get(self, collection: str, key: str) -> Value | None:
        return self._rows.get(key) if collection == "c" else None

    def rows(self, collection: str, prefix: str) -> Iterator[tuple[str, Value]]:
        found = sorted(key for key in self._rows if collection == "c" and key.startswith(prefix))
        return ((key, self._rows[key]) for key in found)


def run(rows: dict[str, Any], **fields: Any) -> Executed:
    """Execute a body on rows of c."""
    return execute(made_body({"name": "n", **fields}), Rows(rows))


def became(rows: dict[str, Any], *updates: list[Any]) -> dict[str, str | None] | None:
    """Return what updates make of rows of c, by key; None where they can't be carried out."""
    done = run(rows, do=list(updates))
    return None if done.outcome < 0 else {key: value for (_, key), value in done.changes.items()}


def fits(rows: dict[str, Any], *conditions: list[Any]) -> bool:
    return run(rows, **{"do": [], "if": list(conditions)}).outcome == 0


# Conditions and updates.


def test_writes2_is_asks_for_a_value() -> None:
    """The condition "is" holds where the row has this value, type included."""
    assert fits({"k": 1}, ["is", "c", "k", 1])
    for other in (True, 1.0, "1", [1], 2):
        assert not fits({"k": other}, ["is", "c", "k", 1])
    assert not fits({}, ["is", "c", "k", 1])


def test_writes2_absent_and_present_ask_for_a_row() -> None:
    """The condition "absent" holds where there is no such row, and "present" where there is one."""
    assert [fits(rows, ["absent", "c", "k"]) for rows in ({}, {"k": 0})] == [True, False]
    assert [fits(rows, ["present", "c", "k"]) for rows in ({}, {"k": 0})] == [False, True]


def test_writes2_meets_asks_for_one_row_that_meets_conditions() -> None:
    """The condition "meets" holds where this one row is there and meets its conditions."""
    condition = ["meets", "c", "k", [["a", ">", 1]]]
    rows: list[dict[str, Any]] = [{"k": {"a": 2}}, {"k": {"a": 1}}, {"k2": {"a": 2}}, {}]
    assert [fits(each, condition) for each in rows] == [True, False, False, False]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_writes2_atmost_and_atleast_count_rows(count: int) -> None:
    """The conditions "atmost" and "atleast" hold where the query gives at most, or at least, so many rows."""
    rows = {"a1": 1, "a2": 2, "a3": 1, "b": 1}
    query = ["c", "a", [[".", "=", 1]]]
    assert fits(rows, ["atmost", count, *query]) == (count >= 2)
    assert fits(rows, ["atleast", count, *query]) == (count <= 2)


def test_writes2_set_and_delete_give_and_take_values() -> None:
    """The update "set" gives a row a value, and "delete" takes the row away, be it there or not."""
    assert became({"k": 1, "l": 1}, ["set", "c", "k", 2], ["delete", "c", "l"], ["delete", "c", "m"]) == {
        "k": "2",
        "l": None,
        "m": None,
    }


def test_writes2_new_takes_the_first_key_that_is_free() -> None:
    """The update "new" sets the first of K, K-2, K-3 and so on up to K-99 that is absent."""
    assert became({}, ["new", "c", "k", 1]) == {"k": "1"}
    assert became({"k": 1, "k-2": 1, "k-4": 1}, ["new", "c", "k", 9]) == {"k-3": "9"}
    full = {"k": 0} | {f"k-{number}": 0 for number in range(2, 99)}
    assert became(full, ["new", "c", "k", 9]) == {"k-99": "9"}
    assert became(full | {"k-99": 0}, ["new", "c", "k", 9]) is None


def test_writes2_add_counts_an_absent_row_as_nought() -> None:
    """The update "add" adds to a whole number, and to an absent row as if it were 0."""
    assert became({"k": 5}, ["add", "c", "k", -7]) == {"k": "-2"}
    assert became({}, ["add", "c", "k", 3]) == {"k": "3"}


def test_writes2_insert_and_remove_keep_a_sorted_list_of_texts() -> None:
    """The updates "insert" and "remove" take any list of texts and leave it sorted, each text once."""
    assert became({"k": ["b", "a", "b"]}, ["insert", "c", "k", "B"]) == {"k": '["B","a","b"]'}
    assert became({"k": ["b", "a", "b"]}, ["remove", "c", "k", "x"]) == {"k": '["a","b"]'}
    assert became({"k": ["b", "a", "b"]}, ["remove", "c", "k", "b"]) == {"k": '["a"]'}
    assert became({}, ["insert", "c", "k", "x"]) == {"k": '["x"]'}


def test_writes2_remove_from_an_absent_row_leaves_an_empty_list() -> None:
    """The update "remove" makes an empty list of a row that is not there."""
    assert became({}, ["remove", "c", "k", "x"]) == {"k": "[]"}


@pytest.mark.parametrize(
    ("there", "update"),
    [
        (WHOLE_MAX, ["add", "c", "k", 1]),
        (-WHOLE_MAX - 1, ["add", "c", "k", -1]),
        (1.0, ["add", "c", "k", 1]),
        ("1", ["add", "c", "k", 1]),
        (True, ["add", "c", "k", 1]),
        ([], ["add", "c", "k", 1]),
        ("x", ["insert", "c", "k", "x"]),
        ({}, ["insert", "c", "k", "x"]),
        ([1], ["insert", "c", "k", "x"]),
        (["x", None], ["remove", "c", "k", "x"]),
        (["x" * 600_000, "y" * 448_560], ["insert", "c", "k", "too much"]),
        (1, ["new", "c", "k" * 1023, 1]),
    ],
)
def test_writes2_an_update_that_can_not_be_carried_out(there: Any, update: list[Any]) -> None:
    """An update can't be carried out where a whole number would leave 64 bits, the row is of another type, or
    a key or a value would be too large."""
    assert became({"k": there, "k" * 1023: 1}, update) is None


# Execution.


@pytest.mark.processes
def test_writes2_the_first_alternative_that_fits_is_carried_out() -> None:
    """Alternatives are tried in turn, and the outcome tells which one it was, the same in both worlds."""
    ask = "if absent n/a else set n/b x if absent n/b else set n/c x if absent n/c"
    scenario = ONE + "".join(f"write 8 w{number} set n/a x {ask}; " for number in range(4)) + "printLog 0"
    expected = ["applied", "merged 1", "merged 2", "conflict"]
    assert printed(scenario) == [f"WRITE:(w{at}, {each}):TRUE" for at, each in enumerate(expected)]
    assert printed_by_processes(scenario) == printed(scenario)


def test_writes2_all_conditions_have_to_hold_in_order_up_to_the_first_that_fails() -> None:
    """Conditions are looked at in order, and none behind the first that fails is read."""
    done = run({}, **{"do": [], "if": [["absent", "c", "a"], ["present", "c", "b"], ["absent", "c", "d"]]})
    assert (done.outcome < 0, done.rows) == (True, (("c", "a"), ("c", "b")))


def test_writes2_updates_see_those_before_them() -> None:
    """Each update sees what those before it have made, which conditions do not."""
    done = run({}, **{"do": [["set", "c", "k", 1], ["add", "c", "k", 1]], "if": [["absent", "c", "k"]]})
    assert (done.outcome, done.changes) == (0, {("c", "k"): "2"})


def test_writes2_what_it_reads_of_its_own_changes_is_no_read() -> None:
    """A write depends on what it read of others, not on what it has made itself."""
    assert run({}, do=[["set", "c", "k", 1], ["add", "c", "k", 1]]).rows == ()
    assert run({}, do=[["add", "c", "k", 1]]).rows == (("c", "k"),)


def test_writes2_an_alternative_is_carried_out_whole_or_not_at_all() -> None:
    """Where one update of an alternative can't be carried out, nothing of it is, and the next one is
    tried."""
    done = run({"k": "text"}, **{
        "do": [["set", "c", "l", 1], ["add", "c", "k", 1]], "else": [{"do": [["set", "c", "m", 1]]}],
    })  # fmt: skip
    assert (done.outcome, done.changes) == (1, {("c", "m"): "1"})


def test_writes2_where_nothing_fits_the_body_goes_into_the_error_log() -> None:
    """A conflict changes nothing but a row of !conflicts, whose key is the write's stamp and server, and
    whose value is its body."""
    lines = printed(
        f"{PAIR}pause; write 9 a set n/a 1; write 9 b set n/a 2 if absent n/a; rows 9 !conflicts/"
    )
    key = f"{3:020}:{1:020}"
    body = '{"do":[["set","n","a",2]],"if":[["absent","n","a"]],"name":"b"}'
    assert lines == [f"!conflicts/{key}:{body}:FALSE"]
    assert conflict_key(7, ROOT) == f"{7:020}:"
    assert conflict_key(7, Name.of((5, 3))) == f"{7:020}:{5:020},{3:020}"


def test_writes2_a_put_is_always_applied() -> None:
    """A put or a delete of a song is the general write that sets or deletes its row, without a condition."""
    ways = ("put 8 a b; delete 8 c", "write 8 p set playlist/a b; write 8 d del playlist/c")
    answers = [printed(f"{ONE}{way}; get 8 a; get 8 c; rows 8 playlist/") for way in ways]
    assert answers[0] == answers[1] == ["a:b", "c:ERR_KEY", "playlist/a:b:TRUE"]


APART = f"{PAIR}write 8 base set n/a old; breakConnection 0 1; "
"""Client 8 is at the primary, client 9 at a server that is cut off."""


def test_writes2_keep_both() -> None:
    """Two sides that make something new under one key keep both, where they say "new"."""
    scenario = f"{APART}write 9 b new n/k theirs; write 8 a new n/k ours; restoreConnection 0 1; rows 8 n/k"
    assert printed(scenario) == ["n/k:ours:TRUE", "n/k-2:theirs:TRUE"]


def test_writes2_mine_wins_and_theirs_wins() -> None:
    """A last alternative without a condition makes the later write win, and one that does nothing the
    earlier."""
    for last, value in (("set n/a mine", "mine"), ("nothing", "first")):
        scenario = f"{APART}write 9 b set n/a mine if is n/a old else {last}; write 8 a set n/a first; "
        lines = printed(f"{scenario}restoreConnection 0 1; rows 8 n/; outcome 9 b; conflicts 9")
        assert lines == [f"n/a:{value}:TRUE", "b:merged 1:TRUE"]


def test_writes2_counters_and_sets_lose_nothing() -> None:
    """Additions to a number and to a set that are made apart all count."""
    scenario = f"{APART}write 9 b add n/c 2 and insert n/s y; write 8 a add n/c 3 and insert n/s x; "
    lines = printed(f"{scenario}restoreConnection 0 1; rows 9 n/c; rows 9 n/s")
    assert lines == ["n/c:5:TRUE", 'n/s:["x","y"]:TRUE']


def test_writes2_a_person_is_told() -> None:
    """A write without a merge procedure that does not fit waits in the error log for somebody."""
    scenario = (
        f"{APART}write 9 b set n/a mine if is n/a old; write 8 a set n/a first; restoreConnection 0 1; "
    )
    assert printed(f"{scenario}conflicts 8; rows 8 n/") == ["CONFLICT:(b):TRUE", "n/a:first:TRUE"]


# The same everywhere.


def test_writes2_every_server_comes_to_the_same() -> None:
    """Which server executes a write, and when, makes no difference to its outcome."""
    scenario = f"{TRIO}pause; " + "; ".join(
        f"write {client} {client}-{number} new n/k {client} if atmost {number} n/ else add m/k {client}"
        for number in range(3)
        for client in (7, 8, 9)
    )
    found = replicas(f"{scenario}; start")
    assert len({replica.csn for replica in found.values()}) == 1
    assert len({replica.database.digest for replica in found.values()}) == 1
    for replica in found.values():
        replica.check()


def test_writes2_rows_that_a_query_walks_past_are_never_counted() -> None:
    """What a query finds is counted, not what it had to look at."""
    many = {f"k{number:05}": 0 for number in range(3000)}
    assert fits(many | {"k99999": 1}, ["atmost", 1, "c", "", [[".", "=", 1]]])
    assert not fits(many | {"k99999": 1}, ["atmost", 0, "c", "", [[".", "=", 1]]])


def arrives_nowhere(text: str) -> None:
    """Check that a body is not taken from a server, be it alone or among others."""
    write = Write(1, ROOT, CHANGE, "", "", Value(text))
    good = Write(2, ROOT, CHANGE, "", "", Value('{"do":[],"name":"n"}'))
    assert unpack_writes(pack_writes([good])) == [unpack_write(*pack_write(good))] == [good]
    with pytest.raises(WireError):
        unpack_writes(pack_writes([good, write]))
    with pytest.raises(WireError):
        unpack_write(*pack_write(write))


def of_size(size: int) -> dict[str, Any]:
    """Return a body of so many bytes."""
    plain: dict[str, Any] = {"name": "n", "do": [["set", "c", "k", ""]]}
    plain["do"][0][3] = "x" * (size - len(made_body(plain).text))
    return plain


ABSENT = ["absent", "c", "k"]
LIMITS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (of_size(65536), of_size(65537)),
    ({"name": "n" * 64, "do": []}, {"name": "n" * 65, "do": []}),
    ({"name": "\U0001f600" * 64, "do": []}, {"name": "", "do": []}),
    ({"name": "n", "do": [], "else": [{"do": []}] * 63}, {"name": "n", "do": [], "else": [{"do": []}] * 64}),
    (
        {"name": "n", "do": [["delete", "c", "k"]] * 128, "if": [ABSENT] * 128},
        {"name": "n", "do": [["delete", "c", "k"]] * 128, "if": [ABSENT] * 129},
    ),
    (
        {"name": "n", "do": [], "if": [["atmost", 0, "c", "", []]]},
        {"name": "n", "do": [], "if": [["atmost", -1, "c", "", []]]},
    ),
]


@pytest.mark.parametrize(("within", "beyond"), LIMITS)
def test_writes2_limits_of_a_body(within: dict[str, Any], beyond: dict[str, Any]) -> None:
    """A body has at most 64 KiB, 64 alternatives, and 256 conditions and updates in all, a name 1 to 64
    characters, and what is counted is 0 or more."""
    made_body(within)
    with pytest.raises(BadBody):
        made_body(beyond)


def test_writes2_an_odd_byte_counts_as_one() -> None:
    """A byte that is no UTF-8 counts 1, in a body too."""
    body = made_body({"name": "n", "do": [["set", "playlist", "k", "\udce9" * 65000]]})
    assert len(body.text) > 65000


@pytest.mark.parametrize(
    "plain",
    [
        {"name": "n"},
        {"do": []},
        {"name": "n", "do": [], "if": []},
        {"name": "n", "do": [], "else": []},
        {"name": "n", "do": [], "by": "x"},
        {"name": "n", "do": [], "else": [{"do": [], "name": "m"}]},
        {"name": "n", "do": [["put", "c", "k", 1]]},
        {"name": "n", "do": [["set", "c", "k"]]},
        {"name": "n", "do": [["set", "c", 1, 1]]},
        {"name": "n", "do": [["set", "c", "k", None]]},
        {"name": "n", "do": [["add", "c", "k", 1.0]]},
        {"name": "n", "do": [["add", "c", "k", True]]},
        {"name": "n", "do": [["set", "playlist", "k", 1]]},
        {"name": "n", "do": [["add", "playlist", "k", 1]]},
        {"name": "n", "do": [["set", "!conflicts", "k", 1]]},
        {"name": "n", "do": [["set", "c", "\udce9", 1]]},
        {"name": "n", "do": [["set", "playlist", "k", "\ud800"]]},
        {"name": "n", "do": [], "if": [["present", "!conflicts", "k"]]},
        {"name": "n", "do": [], "if": [["atmost", 0, "!conflicts", "", []]]},
        {"name": "n", "do": [], "if": [["atmost", 0, "c", "", [["a", "==", 1]]]]},
        {"name": "n", "do": [], "if": [["atmost", 0, "c", "", [["a", "=", None]]]]},
        {"name": "n", "do": [], "if": [["is", "c", "k", None]]},
    ],
)
def test_writes2_a_body_that_is_wrong_in_itself_is_turned_down(plain: dict[str, Any]) -> None:
    """A body with an unknown word, a wrong type, a missing or another field, or a row that it may not touch,
    is turned down where it is accepted, and costs the connection where it comes from a server."""
    with pytest.raises(BadBody):
        made_body(plain)
    arrives_nowhere(json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True))


def test_writes2_a_conflict_is_deleted_by_a_write() -> None:
    """The one thing that a write can do to the error log is to delete a conflict."""
    body = made_body({"name": "n", "do": [["delete", "!conflicts", f"{7:020}:"]]})
    assert body.text == '{"do":[["delete","!conflicts","00000000000000000007:"]],"name":"n"}'


@pytest.mark.parametrize(
    "text",
    ['{"do":[], "name":"n"}', '{"name":"n","do":[]}', '{"do":[],"name":"\\u006e"}', "{}", "", "[]", '"n"'],
)
def test_writes2_a_body_in_another_form_costs_the_connection(text: str) -> None:
    """A body that is not in canonical form is taken from no server."""
    arrives_nowhere(text)


def test_writes2_a_body_over_its_limits_is_off_in_a_scenario() -> None:
    """A write over a limit is skipped with a line that says which."""
    (said,) = complaints(f"{ONE}write 8 a {' and '.join(['add n/a 1'] * 257)}")
    assert "256 are the limit" in said
