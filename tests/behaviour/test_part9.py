"""Part 9: rows and values."""

from __future__ import annotations

from typing import Any

import pytest

from bayou.core.rows import PLAYLIST, BadRow, check_row
from bayou.core.values import of_value, text_value, to_value
from bayou.core.write import KIND_NAMES
from bayou.node.messages import COMMITTED, FULL, REFUSED, Did
from bayou.worlds.simulated import SimulatedWorld
from tests.driven import Driven


@pytest.fixture
def driven() -> Driven:
    return Driven(SimulatedWorld(check=True))


def test_part9_a_row_is_found_by_collection_and_key(driven: Driven) -> None:
    """The same key in two collections is two rows, and a collection is there as soon as a row of it is."""
    for collection in ("notes", "tasks"):
        driven.do(10, "put", collection, "k", to_value(collection))
    driven.do(10, "delete", "tasks", "k")
    assert (driven.read(11, "notes", "k"), driven.read(11, "tasks", "k")) == (to_value("notes"), None)


def test_part9_a_value_is_any_json_value(driven: Driven) -> None:
    """What was put comes out again with its type: objects, lists, whole numbers, fractions, texts and truth
    values."""
    values: list[Any] = [{"a": [1, 2.5, None]}, [], 2**63 - 1, -0.5, "text with blanks", True, False, "", 0]
    for value in values:
        driven.do(10, "put", "notes", "k", to_value(value))
        found = driven.read(11, "notes", "k")
        assert found is not None
        assert (of_value(found), type(of_value(found))) == (value, type(value))


def test_part9_values_are_equal_where_type_and_content_are() -> None:
    """1, 1.0, "1" and true are four values; 0.0 and -0.0 are one; fields have no order."""
    alike: list[Any] = [1, 1.0, "1", True]
    assert len({to_value(value) for value in alike}) == 4
    assert to_value(0.0) == to_value(-0.0)
    assert to_value({"a": 1, "b": 2}) == to_value({"b": 2, "a": 1})


def test_part9_canonical_form() -> None:
    """Each value has one form: no blanks, fields in the order of code points, no escape without need."""
    value = to_value({"b": 1e16, "a": [None, "\u00e9\n/"], "": -0.0})
    assert value == '{"":0.0,"a":[null,"\u00e9\\n/"],"b":1e+16}'


def test_part9_what_a_value_can_be_is_limited() -> None:
    """Values nest 16 deep, have whole numbers of 64 bits, finite fractions and 1 MiB at most, and are not
    null by themselves."""
    deep: Any = 1
    for _ in range(17):
        deep = [deep]
    off: list[Any] = [deep, 2**63, float("inf"), float("nan"), "u" * (1 << 20), None, (1,), {1: 2}, b"bytes"]
    for value in off:
        with pytest.raises((TypeError, ValueError)):
            to_value(value)


def test_part9_names_of_collections_and_keys() -> None:
    """A collection has 1 to 64 of a-z, 0-9, _ and -; a key is a text of up to 1,024 bytes."""
    for collection, key in (("a-z_09", ""), ("c" * 64, "k" * 1024), ("notes", "a key\n")):
        check_row(collection, key, None)
    for collection, key in (("", "k"), ("Notes", "k"), ("c" * 65, "k"), ("notes", "k" * 1025)):
        with pytest.raises(BadRow):
            check_row(collection, key, None)


def test_part9_the_playlist_is_a_collection(driven: Driven) -> None:
    """Songs and URLs are keys and texts of the collection named playlist."""
    driven.say("put 10 song url")
    assert driven.read(11, PLAYLIST, "song") == text_value("url")


def test_part9_bytes_that_are_no_utf8_pass_in_the_playlist_alone() -> None:
    """Elsewhere a key or text with a byte that is no UTF-8 is turned down."""
    check_row(PLAYLIST, "caf\udce9", text_value("\udcff"))
    for key, text in (("caf\udce9", "u"), ("k", "\udcff")):
        with pytest.raises(BadRow, match="lone surrogate"):
            check_row("notes", key, text_value(text))


def test_part9_a_read_can_look_at_what_is_committed_alone(driven: Driven) -> None:
    """The committed view shows a row as the committed prefix makes it, whatever is tentative on top."""
    driven.do(10, "put", "notes", "k", to_value("old"))
    driven.say("pause")
    driven.do(10, "put", "notes", "k", to_value("new"))
    assert driven.read(10, "notes", "k", FULL) == to_value("new")
    assert driven.read(10, "notes", "k", COMMITTED) == to_value("old")


def test_part9_guarantees_hold_in_both_views(driven: Driven) -> None:
    """A read of the committed view asks for the session's guarantees as any other does."""
    driven.say("pause")
    driven.do(10, "put", "notes", "k", to_value(1))
    driven.say("restoreConnection 10 2")
    assert driven.do(10, "get", "notes", "k", None, COMMITTED) == Did(REFUSED, None)


def test_part9_kinds_of_writes_have_numbers_for_good() -> None:
    """Kinds of writes have the same numbers on the wire, in journals and in traces."""
    assert KIND_NAMES == ("put", "delete", "creation", "retirement", "notice", "change", "group")
