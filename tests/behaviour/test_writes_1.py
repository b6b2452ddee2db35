"""General writes 1: rows, queries and the two views."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.core.body import body_of, made_body, where_of
from bayou.core.execute import meets
from bayou.core.values import to_value
from tests.behaviour.scenarios import PAIR, complaints, printed, printed_by_processes, text
from tests.simulated import simulate

ONE = "joinServer 0; joinClient 8 0; "


def shown(words: str) -> list[str]:
    """Return how the rows of ``n`` are shown after an update."""
    return printed(f"{ONE}write 8 a {words}; rows 8 n/")


def holds(plain: Any, *where: list[Any]) -> bool:
    """Whether a row with that value meets these conditions."""
    return meets(to_value(plain), where_of(list(where)))


# Rows and values.


@pytest.mark.processes
def test_writes1_a_row_is_shown_with_its_collection_key_value_and_mark() -> None:
    """Any collection has rows as the playlist has, whose keys may hold / and whose values may be any JSON,
    the same in both worlds."""
    scenario = (
        f'{PAIR}pause; write 9 a set n/a/b {{"b":[1,null],"a":true}} and set m/a x; rows 9 n/; rows 9 m/'
    )
    expected = ['n/a/b:{"a":true,"b":[1,null]}:FALSE', "m/a:x:FALSE"]
    assert printed(scenario) == printed_by_processes(scenario) == expected


def test_writes1_a_key_may_be_empty() -> None:
    """The row with the empty key is a row like others, but for the playlist, which has none."""
    assert shown("set n/ x and set n/a y") == ["n/:x:TRUE", "n/a:y:TRUE"]
    assert len(complaints(f"{ONE}write 8 a set playlist/ x")) == 1


@pytest.mark.parametrize("collection", ["!conflicts", "!grants", "!", "", "N", "a.b", "c" * 65])
def test_writes1_collections_of_the_system_are_not_for_users(collection: str) -> None:
    """A name that begins with an exclamation mark belongs to the system, and one that no collection can have
    is off."""
    assert len(complaints(f"{ONE}write 8 a set {collection}/k x")) == 1
    assert len(complaints(f"{ONE}write 8 a set n/k x if absent {collection}/k")) == 1


def test_writes1_bodies_and_values_are_in_canonical_form() -> None:
    """Fields are sorted by code point, there are no blanks, and nothing is escaped but quotes, backslashes
    and what is below U+0020."""
    words = r'set n/a {"\uffff":1,"\ud800\udc00":2,"\u007f\/\u00e9":"\"\\\b\t\n\f\r\u0000\u001F\u2028"}'
    value = '{"\x7f/\u00e9":"\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f\u2028","\uffff":1,"\U00010000":2}'
    (line,) = simulate(text(f"{ONE}write 8 a {words}; rows 8 n/").encode()).out.decode().split("\n")[:-1]
    assert line == f"n/a:{value}:TRUE"
    body = made_body({"name": "n", "do": [["set", "c", "k", {"b": 1, "a": 2}]]})
    assert body.text == '{"do":[["set","c","k",{"a":2,"b":1}]],"name":"n"}'


def test_writes1_a_field_given_twice_is_off() -> None:
    """A value that gives a field twice makes its line off."""
    assert len(complaints(f'{ONE}write 8 a set n/a {{"a":1,"a":1}}')) == 1


def test_writes1_minus_nought_is_nought() -> None:
    """Within JSON -0 is 0, and -0.0 is 0.0."""
    assert shown("set n/a [-0,-0.0]") == ["n/a:[0,0.0]:TRUE"]


def test_writes1_values_nest_sixteen_deep() -> None:
    """A scalar has depth 0 and [] depth 1, so that 16 brackets are a value and 17 are none."""
    assert shown(f"set n/a {'[' * 16}{']' * 16}") == [f"n/a:{'[' * 16}{']' * 16}:TRUE"]
    assert len(complaints(f"{ONE}write 8 a set n/a {'[' * 17}{']' * 17}")) == 1


# Queries.


def test_writes1_numbers_compare_by_size_and_are_equal_within_their_type() -> None:
    """Whole numbers and fractions compare by size, and are equal only to their own type."""
    assert holds(1.0, [".", "<=", 1])
    assert holds(1, [".", "<", 1.5])
    assert holds(2**63 - 1, [".", "<", 2.0**63])
    assert not holds(1.0, [".", "=", 1])
    assert holds(1, [".", "!=", 1.0])


def test_writes1_four_values_that_are_not_equal() -> None:
    """A condition tells 1, 1.0, "1" and true apart."""
    alike: list[Any] = [1, 1.0, "1", True]
    for one in alike:
        assert [holds({"f": one}, ["f", "=", other]) for other in alike] == [
            other is one for other in alike
        ], one


@pytest.mark.parametrize("plain", [[1], {"b": 1}, "text", 7, True])
def test_writes1_a_row_without_the_field_does_not_meet_a_condition_on_it(plain: Any) -> None:
    """A row that is no object or lacks the field meets no condition on that field, not even that it
    differs."""
    for operator in ("=", "!=", "<", "<=", ">", ">="):
        assert not holds(plain, ["a", operator, 1]), operator


def test_writes1_the_point_stands_for_the_value_itself() -> None:
    """The field "." is the value itself, so that an object's own field of that name can't be asked for."""
    assert holds("x", [".", "=", "x"])
    assert not holds({".": "x"}, [".", "=", "x"])
    assert holds({".": "x"}, [".", "!=", "x"])


@pytest.mark.parametrize("plain", [[], [1], {}, {"a": 1}])
def test_writes1_a_list_or_an_object_differs_from_every_scalar(plain: Any) -> None:
    """A list or an object meets != and no other operator."""
    for operator in ("=", "<", "<=", ">", ">="):
        assert not holds(plain, [".", operator, 1]), operator
    assert holds(plain, [".", "!=", 1])


def test_writes1_order_is_within_numbers_or_within_texts() -> None:
    """Less and greater hold between two numbers or two texts only, texts by code point."""
    assert holds("\uffff", [".", "<", "\U00010000"])
    assert holds("10", [".", "<", "9"])
    for plain, scalar in ((1, "2"), ("1", 2), (True, 2), (1, True), (False, True)):
        assert not holds(plain, [".", "<", scalar]), (plain, scalar)
        assert not holds(plain, [".", "<=", scalar]), (plain, scalar)


def test_writes1_a_row_meets_all_conditions() -> None:
    """Where there are several conditions on a row it has to meet each of them."""
    assert holds({"a": 1, "b": 2}, ["a", "=", 1], ["b", ">", 1])
    assert not holds({"a": 1, "b": 2}, ["a", "=", 1], ["b", ">", 2])
    assert holds({"a": 1})


@pytest.mark.parametrize("scalar", ["[1]", '{"a":1}', "[]"])
def test_writes1_a_condition_compares_with_a_scalar(scalar: str) -> None:
    """A condition compares with a text, a number, true or false, and with nothing else."""
    assert len(complaints(f"{ONE}write 8 a nothing if none n/ where a = {scalar}")) == 1


def test_writes1_rows_come_in_the_order_of_code_points() -> None:
    """Rows are in the code point order of their keys, a byte that is no UTF-8 at its place from U+DC80 on."""
    lines = b"joinServer 0\njoinClient 8 0\n" + b"".join(
        b"put 8 %s u\n" % key
        for key in (b"\xef\xbc\xa1", b"\xe1", b"\xe2\x82\xac", b"\xf0\x90\x80\x80", b"a")
    )
    out = simulate(lines + b"rows 8 playlist/\n").out
    keys = [line.split(b":")[0].removeprefix(b"playlist/") for line in out.splitlines()]
    assert keys == [b"a", b"\xe2\x82\xac", b"\xe1", b"\xef\xbc\xa1", b"\xf0\x90\x80\x80"]


def test_writes1_a_query_is_of_the_rows_under_a_prefix() -> None:
    """A query gives the rows whose keys begin with a prefix, the key that is the prefix itself included."""
    scenario = f"{ONE}write 8 a set n/ab 1 and set n/abc 2 and set n/b 3 and set m/ab 4; rows 8 n/ab"
    assert printed(scenario) == ["n/ab:1:TRUE", "n/abc:2:TRUE"]
    assert printed(f"{scenario}; write 8 b nothing if atmost 2 n/ab and atleast 2 n/ab; outcome 8 b")[2:] == [
        "b:applied:TRUE"
    ]


# Two views.


def test_writes1_the_committed_view_leaves_out_what_is_tentative() -> None:
    """The committed view is what the committed prefix makes, and the full one has the tentative suffix on
    top."""
    scenario = f"{PAIR}write 8 a set n/a 1; pause; write 9 b add n/a 1 and set n/b 1; "
    assert printed(f"{scenario}rows 9 n/; rows 9 n/ committed") == [
        "n/a:2:FALSE",
        "n/b:1:FALSE",
        "n/a:1:TRUE",
    ]


@pytest.mark.parametrize(
    "words", ["set n/a 1", "add n/a 0", "del n/a and set n/a 1", "del n/a and new n/a 1"]
)
def test_writes1_an_equal_value_is_given_by_the_last_that_gave_it(words: str) -> None:
    """A row is tentative where the last write that gave it its value is, be it the same value."""
    scenario = f"{PAIR}write 8 a set n/a 1; pause; write 9 b {words}; rows 9 n/; start; rows 9 n/"
    assert printed(scenario) == ["n/a:1:FALSE", "n/a:1:TRUE"]


def test_writes1_what_a_write_only_looks_at_keeps_its_mark() -> None:
    """A condition that holds, and a write of which nothing fits, leave the marks of rows alone."""
    scenario = (
        f"{PAIR}write 8 a set n/a 1; pause; write 9 b nothing if is n/a 1; "
        "write 9 c set n/a 1 if absent n/a; "
    )
    assert printed(f"{scenario}rows 9 n/") == ["n/a:1:TRUE"]


def test_writes1_a_check_never_sees_a_mark() -> None:
    """A condition holds of a row alike whether that is tentative or committed, and the mark is no field of
    it."""
    scenario = (
        f"{PAIR}pause; write 9 a set n/a 1; write 9 b nothing if is n/a 1; outcome 9 b; start; outcome 9 b"
    )
    assert printed(scenario) == ["b:applied:FALSE", "b:applied:TRUE"]
    conditions = body_of('{"do":[],"if":[["is","n","a",1]],"name":"n"}').alternatives[0].conditions
    assert [each.value for each in conditions] == ["1"]
