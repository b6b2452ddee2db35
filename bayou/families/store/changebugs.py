"""Known bugs of general writes, which can be planted in a process: see bayou.families.store.bugs."""

from __future__ import annotations

from bayou.core import execute as execute_module
from bayou.core import readers as readers_module
from bayou.core.execute import field_of
from bayou.core.executions import Executions
from bayou.core.readers import Readers
from bayou.core.sortedwrites import between
from bayou.core.values import of_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from bayou.core.execute import Row
    from bayou.core.sortedwrites import Place
    from bayou.core.table import Table
    from bayou.core.values import Value
    from bayou.core.write import Write
    from bayou.families.planting import Patch, Plant


def query_readers_forgotten(patch: Patch) -> None:
    """A row that changes matters to those alone that read that row."""

    def of_change(
        self: Readers, row: Row, old: Value | None, new: Value | None, low: Place | None, high: Place | None
    ) -> Iterator[Write]:
        return iter(between(self._rows.get(row), low, high))

    patch.setattr(Readers, "of_change", of_change)


def dirt_cut_off_too_early(patch: Patch) -> None:
    """The write of the next version of a row, which may have read it, is not dirty."""

    def of_change(
        self: Readers, row: Row, old: Value | None, new: Value | None, low: Place | None, high: Place | None
    ) -> Iterator[Write]:
        return (write for write in original(self, row, old, new, low, high) if write.place != high)

    original = Readers.of_change
    patch.setattr(Readers, "of_change", of_change)


def old_queries_kept(patch: Patch) -> None:
    """A write that has come to read other queries is registered with those of before."""

    def execute_in_place(self: Executions, write: Write) -> None:
        before = self._tentative[write.place]
        original(self, write)
        now = self._tentative[write.place]
        if before is not None and now is not None:
            self._readers.remove(write, now.rows, now.queries)
            now.queries = before.queries
            self._readers.add(write, now.rows, now.queries)

    original = Executions._execute_in_place
    patch.setattr(Executions, "_execute_in_place", execute_in_place)


def one_is_true(patch: Patch) -> None:
    """1, 1.0 and true are one value, as they are to Python."""

    def meets_one(plain: Any, where: Any) -> bool:
        field, operator, scalar = where
        found = plain if field == "." else plain.get(field) if type(plain) is dict else None
        if operator == "=" and type(found) in (int, float, bool):
            return bool(found == of_value(scalar))
        return original(plain, where)

    original = execute_module._meets_one
    patch.setattr(execute_module, "_meets_one", meets_one)


def one_is_true_among_queries(patch: Patch) -> None:
    """A query that asks for true is looked for among those that ask for 1."""

    def found_as(plain: Any, field: str) -> str | None:
        found = field_of(plain, field)
        return "1" if found == "true" else found

    patch.setattr(readers_module, "field_of", found_as)


def mark_shown_to_a_check(patch: Patch) -> None:
    """A check takes a tentative row for one that is not there."""

    def execute(self: Executions, write: Write, version: Callable[[Table, str], Write | None]) -> Any:
        def committed(table: Table, key: str) -> Write | None:
            return table.committed.get(key)

        return original(self, write, committed if write.place in self._tentative else version)

    original = Executions._execute
    patch.setattr(Executions, "_execute", execute)


def tentative_outcome_kept(patch: Patch) -> None:
    """What a write came to tentatively is what it comes to, in whichever order it is committed."""

    def commit(self: Executions, write: Write, *, is_first: bool) -> None:
        original(self, write, is_first=True)

    original = Executions.commit
    patch.setattr(Executions, "commit", commit)


OF_CHANGES: dict[str, Plant] = {
    "a query's readers forgotten": query_readers_forgotten,
    "dirt cut off one version too early": dirt_cut_off_too_early,
    "1 taken for true": one_is_true,
    "a mark shown to a check": mark_shown_to_a_check,
    "a tentative outcome kept at commitment": tentative_outcome_kept,
}
"""Bugs that campaigns find."""

OF_SUFFIXES: dict[str, Plant] = {
    "1 taken for true among queries": one_is_true_among_queries,
    "old queries kept after an execution": old_queries_kept,
}
"""Bugs that take long tentative suffixes, committed in another order: random histories of replicas find them,
whose servers are apart for longer (tests/test_writes_histories.py)."""
