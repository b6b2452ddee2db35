"""Names: interned, ordered, flat. Twin: nested pairs compared by the rule as it is worded."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayou.core import name as name_module
from bayou.core.name import ROOT, Name

stamp_lists = st.lists(st.integers(1, 6), max_size=5).map(tuple)

Nested = tuple["int", "Nested"] | None


def nested(stamps: tuple[int, ...]) -> Nested:
    """The name as papers write it: a pair of a stamp and the creator's name, None for the root."""
    return None if not stamps else (stamps[0], nested(stamps[1:]))


def comes_before(a: Nested, b: Nested) -> bool:
    """Ordered by stamp, then by the creator's name, the root first."""
    if a is None or b is None:
        return a is None and b is not None
    return a[0] < b[0] or (a[0] == b[0] and comes_before(a[1], b[1]))


@given(stamp_lists, stamp_lists)
def test_order_is_by_stamp_then_creator_root_first(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    assert (Name.of(a) < Name.of(b)) == comes_before(nested(a), nested(b))
    assert (Name.of(a) > Name.of(b)) == comes_before(nested(b), nested(a))
    assert (Name.of(a) <= Name.of(b)) == (not comes_before(nested(b), nested(a)))
    assert (Name.of(a) >= Name.of(b)) == (not comes_before(nested(a), nested(b)))
    assert (Name.of(a) == Name.of(b)) == (a == b)


@given(stamp_lists)
def test_interned_equal_names_are_one_object(stamps: tuple[int, ...]) -> None:
    name = Name.of(stamps)
    assert Name.of((*stamps,)) is name
    assert pickle.loads(pickle.dumps(name)) is name
    assert copy.deepcopy(name) is name


def test_creator_and_ancestors() -> None:
    a = ROOT.child(2)
    b = a.child(5)
    assert b.stamps == (5, 2)
    assert (b.stamp, b.creator) == (5, a)
    assert b.ancestors() == [a, ROOT]
    assert ROOT.ancestors() == []
    with pytest.raises(IndexError):
        _ = ROOT.creator
    with pytest.raises(IndexError):
        _ = ROOT.stamp


def test_names_can_only_be_interned() -> None:
    with pytest.raises(TypeError, match=r"Name\.of"):
        Name()


def test_names_nobody_holds_are_forgotten() -> None:
    gc.collect()
    before = len(name_module._interned)
    names = [Name.of(((1 << 61) + n,)) for n in range(1000)]  # as no run in another test gives
    assert len(name_module._interned) == before + 1000
    del names
    gc.collect()
    assert len(name_module._interned) == before


def test_a_name_made_anew_is_not_forgotten_with_the_old_one() -> None:
    """With a stamp that no run in another test gives, as some of those are kept."""
    old = Name.of(((1 << 61) + 91,))
    reference = name_module._interned[(ROOT, old.stamp)]
    del old
    new = Name.of(((1 << 61) + 91,))
    name_module._forget(reference)
    assert Name.of(((1 << 61) + 91,)) is new


def test_a_deep_name_costs_no_recursion() -> None:
    depth = 5000
    deep = Name.of(tuple(range(depth, 0, -1)))
    assert len(deep.ancestors()) == depth
    assert deep < Name.of((depth + 1,))
    assert pickle.loads(pickle.dumps(deep)) is deep


def test_a_chain_of_servers_costs_a_step_each() -> None:
    """An ancestor's name is part of its descendants' and takes no room of its own."""
    depth = 16_000
    tracemalloc.start()
    try:
        ancestors = Name.of(tuple(range(depth, 0, -1))).ancestors()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ancestors[0].stamp == depth - 1
    assert [name.depth for name in ancestors] == list(range(depth - 1, -1, -1))
    assert peak_bytes < 600 * depth


def test_a_very_deep_name_is_forgotten_without_recursion() -> None:
    gc.collect()
    before = len(name_module._interned)
    deep = Name.of(tuple(range(1_300_000, 1_000_000, -1)))
    assert len(name_module._interned) == before + 300_000
    del deep
    assert len(name_module._interned) == before


def test_representation() -> None:
    assert repr(ROOT) == "<>"
    assert repr(ROOT.child(3).child(9)) == "<9,3>"
