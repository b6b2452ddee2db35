"""General writes in histories made up from seeds, against the twin; and what the histories would catch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from bayou.core import execute, readers
from bayou.core.executions import Execution, Executions
from bayou.core.name import ROOT
from bayou.core.readers import Readers
from bayou.core.replica import Replica
from bayou.core.sortedwrites import between
from bayou.core.values import Value, of_value
from bayou.core.write import CHANGE, PUT, Write
from tests import writes_histories
from tests.writes_histories import failure_of
from tests.writes_twin import CONFLICT, Cell, State, replayed

if TYPE_CHECKING:
    from bayou.core.sortedwrites import Place

SEEDS = 150
PLANTED_SEEDS_MAX = 2000


@pytest.mark.parametrize("tens", range(SEEDS // 10))
def test_histories_show_what_the_twin_has(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        assert failure_of(seed) is None


def test_histories_are_about_something() -> None:
    """Every outcome comes up, orders of commitment that differ from accept order do, and bases travel."""
    outcomes: set[int] = set()
    reordered = installed = 0
    words: set[str] = set()
    for seed in range(100, 120):
        history = writes_histories.History(seed)
        history.run()
        outcomes.update(history.prefixes[-1].outcomes.values())
        reordered += history.order != sorted(history.order)
        installed += any("takes the base" in step for step in history.told)
        words.update(*(words_of(step) for step in history.told))
    assert outcomes >= {CONFLICT, 0, 1, 2}
    assert reordered > 5
    assert installed
    conditions = {"is", "absent", "present", "meets", "atmost", "atleast"}
    updates = {"set", "delete", "new", "add", "insert", "remove"}
    assert words >= conditions | updates | {"=", "!=", "<", "<=", ">", ">="}


def words_of(step: str) -> set[str]:
    return {each for each in step.split('"') if each.isalpha() or each[:1] in "=!<>"}


def test_the_same_seed_makes_the_same_history() -> None:
    first, second = writes_histories.History(3), writes_histories.History(3)
    first.run()
    second.run()
    assert first.told == second.told
    assert first.order == second.order


# What the twin itself does, by hand: it must not depend on what it is compared with.


def test_the_twin_by_hand() -> None:
    def change(stamp: int, text: str) -> Write:
        return Write(stamp, ROOT.child(1), CHANGE, "", "", Value(text))

    put = Write(2, ROOT, PUT, "c", "a", Value('{"f":true}'))
    conflict = change(3, '{"do":[["set","c","b",1]],"if":[["atleast",1,"c","",[["f","=",1]]]],"name":"x"}')
    new = change(4, '{"do":[["new","c","a",5],["add","c","n",2],["insert","c","s","t"]],"name":"y"}')
    other = change(
        5,
        '{"do":[["delete","c","a"]],"else":[{"do":[["remove","c","s","t"]],"if":[["is","c","n",2]]}],'
        '"if":[["is","c","n",2.0]],"name":"z"}',
    )
    committed = replayed(State(), [put], committed=True)
    full = replayed(committed, [conflict, new, other], committed=False)
    assert full.outcomes == {conflict.place: CONFLICT, new.place: 0, other.place: 1}
    key = "00000000000000000003:00000000000000000001"
    assert full.cells() == {
        ("!conflicts", key): Cell(str(conflict.value), False, conflict.place),
        ("c", "a"): Cell('{"f":true}', True, put.place),
        ("c", "a-2"): Cell("5", False, new.place),
        ("c", "n"): Cell("2", False, new.place),
        ("c", "s"): Cell("[]", False, other.place),
    }


# Bugs planted on purpose. The replicas' own check is off: the twin alone has to see them.


def queries_forgotten(
    self: Readers, row: Any, old: Any, new: Any, low: Place | None, high: Place | None
) -> Iterator[Write]:
    yield from between(self._rows.get(row), low, high)


def cut_off_too_early(
    self: Executions, row: Any, old: Any, new: Any, low: Place | None, high: Place | None
) -> None:
    for write in self._readers.of_change(row, old, new, low, high):
        if write.place != high:
            self._make_dirty(write)


_execute_in_place = Executions._execute_in_place


def old_queries_kept(self: Executions, write: Write) -> None:
    before = self._tentative[write.place]
    _execute_in_place(self, write)
    now = self._tentative[write.place]
    if before is not None:
        assert isinstance(now, Execution)
        self._readers.remove(write, now.rows, now.queries)
        now.queries = before.queries
        self._readers.add(write, now.rows, now.queries)


_meets_one = execute._meets_one


def one_is_true(plain: Any, where: Any) -> bool:
    field, operator, scalar = where
    found = plain if field == "." else plain.get(field) if type(plain) is dict else None
    if operator == "=" and type(found) in (int, bool):
        return bool(found == of_value(scalar))
    return _meets_one(plain, where)


_field_of = execute.field_of


def true_is_looked_for_as_one(plain: Any, field: str) -> object:
    found = _field_of(plain, field)
    return "1" if found == "true" else found


_commit = Executions.commit


def outcome_kept(self: Executions, write: Write, *, is_first: bool) -> None:
    _commit(self, write, is_first=True)


@dataclasses.dataclass
class Plant:
    """A bug: what it is called, and what takes the place of what."""

    name: str
    target: object
    attribute: str
    wrong: Callable[..., Any]
    unseen: int = 0
    """So many seeds see nothing: they are left out, for time."""


PLANTS = [
    Plant("a query's readers forgotten", Readers, "of_change", queries_forgotten),
    Plant("dirt cut off one version too early", Executions, "_tell_readers", cut_off_too_early),
    Plant("the old queries kept after an execution", Executions, "_execute_in_place", old_queries_kept, 450),
    Plant("1 taken for true in a condition", execute, "_meets_one", one_is_true),
    Plant("1 taken for true among queries", readers, "field_of", true_is_looked_for_as_one),
    Plant("the tentative outcome kept at commitment", Executions, "commit", outcome_kept),
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_histories_catch_a_planted_bug(plant: Plant) -> None:
    with (
        mock.patch.object(Replica, "check", return_value=None),
        mock.patch.object(plant.target, plant.attribute, plant.wrong),
    ):
        assert any(failure_of(seed) is not None for seed in range(plant.unseen, PLANTED_SEEDS_MAX))
