"""What is turned down in rooms that the commit group and functions added to: limits, and what is none."""

from __future__ import annotations

import random
from typing import Any

import pytest

import bayou.node.context
from bayou.check.calls import Given, Untold, answered, clean, is_word
from bayou.core.errors import Misuse
from bayou.core.functions import Functions
from bayou.core.group import MEMBERS_MAX, BadGroup, sorted_members
from bayou.core.name import ROOT
from bayou.core.past import Base, BasePosition, Chunk
from bayou.core.vector import VersionVector
from bayou.machine.effects import Tick
from bayou.machine.messages import Done, Failed
from bayou.node.forgetting import forgotten
from bayou.node.grouping import Grouping
from bayou.node.inheriting import NO_TOKEN
from bayou.node.leading import Leading
from bayou.node.messages import BaseRows, Declined
from bayou.wire.errors import WireError
from bayou.wire.keeping import Keeping
from tests.test_group_corners import grouped, named


def test_a_group_has_a_limit() -> None:
    with pytest.raises(BadGroup, match="are the limit"):
        sorted_members([ROOT.child(at + 1) for at in range(MEMBERS_MAX + 1)])


def test_the_judge_does_not_tell_what_it_can_not_carry_out() -> None:
    def needy(view: Any, args: Any) -> list[Any]:
        raise MemoryError

    def fine(view: Any, args: Any) -> list[Any]:
        assert view.get("notes", "a") is None
        return [["set", "notes", "k", {"x": [-0.0, 1]}]]

    given = Given({("needy", 1): needy, ("fine", 1): fine})
    with pytest.raises(Untold):
        answered(("needy", 1), None, {}, given, lambda value, where: True)
    with pytest.raises(Untold):
        answered(("missing", 1), None, {}, given, lambda value, where: True)
    assert len(given.missed) == 2
    made = answered(("fine", 1), None, {}, given, lambda value, where: True)
    assert repr(made) == repr([["set", "notes", "k", {"x": [0.0, 1]}]])
    assert repr(clean({"a": -0.0})) == repr({"a": 0.0})
    assert not is_word("\ud800", 10)
    assert is_word("song", 10)


@pytest.mark.parametrize("where", [[["x", "=", None]], [[1, "=", 1]], [["x", "~", 1]]])
def test_a_condition_that_is_none_does_not_fit(where: list[Any]) -> None:
    given = Given({("asks", 1): lambda view, args: view.rows("notes", "", where)})
    assert answered(("asks", 1), None, {}, given, lambda value, conditions: True) is None


def test_bytes_that_are_no_batch() -> None:
    with pytest.raises(WireError):
        Keeping({}).unpack(b"junk")
    with pytest.raises(WireError):
        Keeping({}).unpack(Keeping({}).pack([])[:-1])


def test_orders_about_the_group_that_are_none() -> None:
    node = named(2)[0]
    assert isinstance(Grouping(node).answer_to(Done()), Failed)


def test_nobody_leads_where_nothing_is_to_be_committed() -> None:
    node = named(2)[0]
    leading = Leading(node, random.Random(1))
    leading.on_due()
    assert leading.due is None
    member = grouped(3, 0, 1, 2)[1]
    regrouping = member.regrouping
    regrouping.on_due()
    assert regrouping.due is None
    assert regrouping.waiting() == []
    member.replica.retire(None)
    with pytest.raises(Misuse):
        member.replica.regroup([ROOT])


def test_what_is_forgotten_shows_in_a_base() -> None:
    replica = named(2)[1].replica
    position = BasePosition.beginning(0)
    later = VersionVector({ROOT: 1, replica.name: 50})
    end = Base(9, later, (ROOT,), 0, 50)
    assert forgotten(replica, BaseRows(1, Chunk(position, [], 9, 0), end)) is not None
    same = Base(9, replica.vector, (ROOT,), 0, 50)
    assert forgotten(replica, BaseRows(1, Chunk(position, [], 9, 0), same)) is None


def test_who_lacks_a_function_declines_to_take_over() -> None:
    node = named(2)[1]
    node.step(0.0, Tick())
    node._inheriting.lacks(7, 0)
    assert (0, Declined(7)) in node._effects.sends
    node._inheriting.lacks(NO_TOKEN, 0)
    assert node._effects.sends.count((0, Declined(7))) == len(node._effects.sends) == 1


def test_functions_are_told_in_order() -> None:
    functions = Functions({("b", 1): max, ("a", 2): max})
    assert functions.known == [("a", 2), ("b", 1)]
    assert bayou.node.context.TYPE_CHECKING is False
