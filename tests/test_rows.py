"""Rows: what collections, keys and values can be, wherever they are checked; and the numbers of kinds."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayou.check.history import KINDS
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.rows import PLAYLIST, BadRow, check_row
from bayou.core.values import BYTES_MAX, Value, text_value, to_value
from bayou.core.vector import START
from bayou.core.write import (
    CHANGE,
    CREATION,
    DELETE,
    GROUP,
    KIND_NAMES,
    NOTICE,
    PUT,
    RETIREMENT,
    Write,
)
from bayou.families.store.keeping import StoreKeeping
from bayou.machine.effects import LinkUp, Ordered, Received
from bayou.node.life import ASKING
from bayou.node.messages import (
    COMMITTED,
    FULL,
    OK,
    REFUSED,
    Answer,
    AntiEntropy,
    Created,
    Delete,
    Get,
    Got,
    Hello,
    Join,
    Lacking,
    Put,
    Request,
)
from bayou.node.records import CreatedFor
from bayou.node.server import Server
from bayou.storage.journal import Journal
from bayou.wire.codec import FEW, decode, encode
from bayou.wire.errors import WireError
from bayou.wire.writes import FITTING, NAME_TAG, NOTHING_TAG, VALUE_TAG, pack_writes, unpack_writes
from tests.messages import rows
from tests.test_wire_codec import message_from

BAD_ROWS = [
    ("Notes", "k", "1", "no name of a collection"),
    ("", "k", "1", "no name of a collection"),
    ("a" * 65, "k", "1", "no name of a collection"),
    ("no tes", "k", "1", "no name of a collection"),
    ("n\u00e9", "k", "1", "no name of a collection"),
    ("!conflicts", "k", "1", "no name of a collection"),
    ("notes", "k" * 1025, "1", "a key of more than 1024 bytes"),
    ("notes", "\u00e9" * 512 + "k", "1", "a key of more than 1024 bytes"),
    ("notes", "k\udc80", "1", "a key with a lone surrogate"),
    ("notes", "k", '"\udc80"', "a text with a lone surrogate"),
    ("notes", "k", f'"{"u" * (BYTES_MAX - 1)}"', "a value of 1048577 bytes"),
    (PLAYLIST, "", '"u"', "a key of the playlist that is empty"),
    (PLAYLIST, "a b", '"u"', "a key of the playlist that is empty"),
    (PLAYLIST, "a\x0b", '"u"', "a key of the playlist that is empty"),
    (PLAYLIST, "k" * 1025, '"u"', "a key of more than 1024 bytes"),
    (PLAYLIST, "\udcc3\udca9", '"u"', "a key of the playlist that stands for no bytes"),
    (PLAYLIST, "k", '"\udcc3\udca9"', "a value of the playlist that stands for no bytes"),
    (PLAYLIST, "\ud800", '"u"', "a key of the playlist that stands for no bytes"),
    (PLAYLIST, "k", "1", "a value of the playlist that is no text"),
    (PLAYLIST, "k", '{"a":1}', "a value of the playlist that is no text"),
    (PLAYLIST, "k", '""', "a value of the playlist that is empty"),
    (PLAYLIST, "k", '"a b"', "a value of the playlist that is empty"),
    (PLAYLIST, "k", '"a\\tb"', "a value of the playlist that is empty"),
    (PLAYLIST, "k", f'"{"u" * (BYTES_MAX + 1)}"', "a value of more than 1048576 bytes"),
]
BAD_VALUES = [
    "",
    "null",
    "01",
    "[1, 2]",
    '{"b":1,"a":2}',
    '"\\u0041"',
    "1e5",
    "-0.0",
    "NaN",
    "[" * 17 + "]" * 17,
]
GOOD_ROWS = [
    ("notes", "", "1"),
    ("a-b_0", "k" * 1024, '"a b"'),
    ("notes", " \n", '{"a":[null,true,1,1.0]}'),
    ("notes", "k", f'"{"u" * (BYTES_MAX - 2)}"'),
    (PLAYLIST, "caf\udce9", '"\udcff\\"\\\\"'),
    (PLAYLIST, "a\u00a0b", '"\\u0001"'),
    (PLAYLIST, "k", f'"{"u" * BYTES_MAX}"'),
]


# Where a row comes in.


def served(request: Request) -> Any:
    server = Server(0, random.Random(1))
    server.step(0.0, Ordered(1, Join(first=True)))
    server.step(0.0, LinkUp(5, Hello(is_server=False)))
    return server.step(0.0, Received(5, request))


def in_columns(*row: Any, kind: int = PUT) -> bytes:
    """A part of an exchange with more writes than go one by one."""
    writes = tuple(Write(stamp, ROOT, kind, *row) for stamp in range(1, FEW + 2))
    return message_from(1, 0, (0, 0, pack_writes(writes)), None, cls=AntiEntropy)


def by_itself(*row: Any, kind: int = PUT) -> bytes:
    return message_from("Created", 1, Write(1, ROOT, kind, *row), 0, ((b"\1", b"\1", b"\1\0"), b"\1\0"))


@pytest.mark.parametrize(("collection", "key", "value", "why"), BAD_ROWS)
def test_a_row_that_can_not_be_gets_in_nowhere(collection: str, key: str, value: str, why: str) -> None:
    with pytest.raises(BadRow, match=why):
        check_row(collection, key, Value(value))
    effects = served(Request(1, 1, Put(collection, key, Value(value)), None, None))
    assert why in effects.drops[0][1]
    assert not effects.sends
    for make in (in_columns, by_itself):
        if any("\ud800" <= char <= "\udfff" for char in key + value):
            continue  # they travel as bytes, which come out as other texts
        with pytest.raises(WireError, match=why):
            decode(make(collection, key, value))
    for of_key_only in (Get, Delete):
        if "key" in why or "collection" in why:
            assert served(Request(1, 1, of_key_only(collection, key), None, None)).drops


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("collection", ["notes", PLAYLIST])
def test_a_value_that_is_none_is_not_taken_from_anybody(collection: str, value: str) -> None:
    for payload in (
        in_columns(collection, "k", value),
        by_itself(collection, "k", value),
        message_from("Request", 1, 1, ("Put", collection, "k", value), None, None, None),
        message_from("Answer", 1, 1, OK, ("Got", value), None),
        message_from("Do", ("Put", collection, "k", value)),
    ):
        with pytest.raises(WireError):
            decode(payload)


def test_odd_bytes_pass_in_the_playlist_alone() -> None:
    odd = "caf\udce9", text_value("\udcff")
    assert decode(encode(Created(1, Write(1, ROOT, PUT, PLAYLIST, *odd), 0, START)))
    for collection, key, value in (("notes", *odd), ("notes", "k", odd[1]), ("notes", odd[0], to_value(1))):
        for make in (
            lambda row: Created(1, Write(1, ROOT, PUT, *row), 0, START),
            lambda row: AntiEntropy(1, 0, Items(0, [], [Write(n, ROOT, PUT, *row) for n in range(1, 9)])),
        ):
            with pytest.raises(WireError, match="lone surrogate"):
                decode(encode(make((collection, key, value))))


@pytest.mark.parametrize(("collection", "key", "value"), GOOD_ROWS)
def test_a_row_that_can_be_gets_in_everywhere(collection: str, key: str, value: str) -> None:
    row = (collection, key, Value(value))
    check_row(*row)
    effects = served(Request(1, 1, Put(*row), None, None))
    assert not effects.drops
    request = Request(1, 1, Put(*row), START, START)
    assert decode(encode(request)) == request
    one = Created(1, Write(1, ROOT, PUT, *row), 0, START)
    assert decode(encode(one)) == one
    many = [Write(stamp, ROOT, PUT, *row) for stamp in range(1, 9)]
    assert unpack_writes(pack_writes(many)) == many


def test_a_collection_is_one_text_wherever_it_stands() -> None:
    """It stands in each write, and is kept once."""
    many = [Write(stamp, ROOT, DELETE, "notes", "k", None) for stamp in range(1, 9)]
    from_columns = unpack_writes(pack_writes(many))[3].collection
    created = decode(encode(Created(1, many[0], 0, START)))
    request = decode(encode(Request(1, 1, Get("notes", "k"), None, None)))
    assert isinstance(created, Created)
    assert isinstance(request, Request)
    assert isinstance(request.ask, Get)
    assert created.creation.collection is from_columns is request.ask.collection


@given(st.lists(rows, max_size=12))
@settings(max_examples=200)
def test_rows_with_odd_content_come_back_from_wire_and_journal(drawn: list[tuple[str, str, Value]]) -> None:
    puts = [Write(stamp, ROOT, PUT, *row) for stamp, row in enumerate(drawn, start=1)]
    deletes = [put._replace(stamp=put.stamp + 99, kind=DELETE, value=None) for put in puts]
    assert unpack_writes(pack_writes([*puts, *deletes])) == [*puts, *deletes]
    records: list[Any] = [Items(0, puts[:2], deletes), *(CreatedFor(1, write) for write in puts)]
    assert StoreKeeping().unpack(StoreKeeping().pack(records)) == records


def test_rows_with_odd_content_come_back_from_a_file(tmp_path: Any) -> None:
    replica = Replica(ROOT)
    for collection, key, value in GOOD_ROWS:
        replica.put(collection, key, Value(value))
    journal = Journal(str(tmp_path / "journal"))
    journal.read()
    journal.append(StoreKeeping().pack(replica.take_journal()))
    journal.close()
    rebuilt = Replica(ROOT)
    for batch in Journal(str(tmp_path / "journal")).read():
        for items in StoreKeeping().unpack(batch):
            assert isinstance(items, Items)
            rebuilt.apply(items)
    assert list(rebuilt.log) == list(replica.log)
    for collection, key, value in GOOD_ROWS[:4]:
        assert rebuilt.get(collection, key, committed_only=True) == value


# The numbers of kinds.


def test_the_numbers_of_kinds_are_for_good() -> None:
    """On the wire, in journals and in traces they are these."""
    numbers = dict(
        zip(("put", "delete", "creation", "retirement", "notice", "change", "group"), range(7), strict=True)
    )
    assert list(numbers.values()) == [PUT, DELETE, CREATION, RETIREMENT, NOTICE, CHANGE, GROUP]
    assert dict(zip(KIND_NAMES, range(7), strict=True)) == numbers
    assert KINDS == KIND_NAMES, "the judge has a table of its own"
    assert [NOTHING_TAG, VALUE_TAG, NAME_TAG] == [0, 1, 2]
    assert {kind for kind, _ in FITTING} == set(numbers.values())


@pytest.mark.parametrize("kind", [7, 255])
def test_a_kind_that_nobody_makes_is_not_taken(kind: int) -> None:
    for row in (("", "", "{}"), ("", "", None), ("notes", "k", "1")):
        for payload in (in_columns(*row, kind=kind), by_itself(*row, kind=kind)):
            with pytest.raises(WireError):
                decode(payload)


# The two views.


def test_a_read_looks_at_the_view_that_it_asks_for() -> None:
    server = Server(0, random.Random(1))
    server.life.enter(ASKING)
    server.become(ROOT.child(1))
    server.activate()
    root = Replica(ROOT)
    root.create()
    old = root.put("notes", "k", to_value("old"))
    server.replica.apply(root.beyond(0, START))
    assert old.value is not None
    server.replica.put("notes", "k", to_value("new"))
    server.replica.delete(PLAYLIST, "k")
    server.step(0.0, LinkUp(5, Hello(is_server=False)))

    def read(number: int, collection: str, view: str) -> Answer:
        request = Request(1, number, Get(collection, "k", view), None, None)
        ((_, answer),) = server.step(0.0, Received(5, request)).sends
        assert isinstance(answer, Answer)
        return answer

    assert read(1, "notes", FULL).reply == Got(to_value("new"))
    assert read(2, "notes", COMMITTED).reply == Got(to_value("old"))
    assert read(3, PLAYLIST, COMMITTED).reply == Got(None)
    assert read(4, "others", COMMITTED).reply == Got(None)
    assert read(5, "notes", COMMITTED).vector == read(6, "notes", FULL).vector == server.replica.vector


@pytest.mark.parametrize("view", [FULL, COMMITTED])
def test_guarantees_are_asked_for_in_both_views_alike(view: str) -> None:
    ahead = Replica(ROOT)
    ahead.put("notes", "k", to_value(1))
    for wanted in ((ahead.vector, None), (None, ahead.vector)):
        effects = served(Request(1, 1, Get("notes", "k", view), wanted[0], wanted[1]))
        assert effects.sends == [(5, Answer(1, 1, REFUSED, Lacking(ROOT, 1)))]


@pytest.mark.parametrize(
    "view",
    ["half", "", "f" * 99],
)
def test_a_view_that_is_none_costs_the_connection(view: str) -> None:
    effects = served(Request(1, 1, Get("notes", "k", view), None, None))
    assert effects.drops == [(5, f"a Get in the view {view[:20]!r}")]
    assert not effects.sends


def test_rows_of_two_collections_are_two_rows() -> None:
    replica = Replica(ROOT.child(1))
    root = Replica(ROOT)
    root.create()
    replica.apply(root.beyond(0, START))
    for collection in ("notes", "tasks"):
        replica.put(collection, "k", to_value(collection))
        replica.put(collection, "k", to_value([collection]))
    replica.delete("tasks", "k")
    replica.check()
    assert (replica.get("notes", "k"), replica.get("tasks", "k")) == (to_value(["notes"]), None)
    assert replica.get("notes", "k", committed_only=True) is None
    root.apply(replica.beyond(root.csn, root.vector))
    root.mark()
    replica.apply(root.beyond(replica.csn, replica.vector))
    for each in (root, replica):
        each.check()
        assert each.get("notes", "k", committed_only=True) == to_value(["notes"])
        assert each.get("tasks", "k") is None
