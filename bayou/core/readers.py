"""Who read what: the tentative general writes by the rows and queries that they looked at, in their order.

A version of a row that changes matters to those alone that read the row, or a query which the row meets
before or after the change, at places where that version is the one to be seen.
"""

from __future__ import annotations

from bayou.core.body import EQUAL
from bayou.core.execute import field_of, meets
from bayou.core.sortedwrites import SHORT, SortedWrites, add_to, between, take_from
from bayou.core.values import of_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from bayou.core.body import Query
    from bayou.core.execute import Row
    from bayou.core.sortedwrites import Place, Run
    from bayou.core.values import Value
    from bayou.core.write import Write

    Bucket = tuple[str, str, str | None, str | None]
    """Where a query is found: collection, prefix, and field and scalar of its first ``=`` condition."""


class Readers:
    """The general writes that read something, by what they read.

    Queries with a ``=`` condition are found by the first of these, all others by their prefix. Which lengths
    prefixes have is counted, so that a key is cut only there; likewise, for each prefix, which fields are
    asked for.
    """

    __slots__ = ("_all", "_fields", "_lengths", "_queries", "_rows", "_short_max", "last")

    def __init__(self, short_max: int = SHORT) -> None:
        self._short_max = short_max
        self._all = SortedWrites(short_max=short_max)
        self._rows: dict[Row, Run] = {}
        self._queries: dict[Bucket, dict[Query, Run]] = {}
        self._lengths: dict[str, dict[int, int]] = {}
        self._fields: dict[tuple[str, str], dict[str | None, int]] = {}
        self.last: Write | None = None
        """The last of them in the order: nobody who stands behind it need look for readers."""

    def add(self, write: Write, rows: tuple[Row, ...], queries: tuple[Query, ...]) -> None:
        """Register what a write read."""
        if not rows and not queries:
            return
        for row in rows:
            add_to(self._rows, row, write, self._short_max)
        for query in queries:
            field, _ = bucket = _bucket(query)
            collection, prefix, _ = query
            _count_up(self._lengths, collection, len(prefix))
            _count_up(self._fields, (collection, prefix), field)
            runs = self._queries.setdefault((collection, prefix, *bucket), {})
            add_to(runs, query, write, self._short_max)
        self._all.add(write)
        self.last = self._all.last

    def remove(self, write: Write, rows: tuple[Row, ...], queries: tuple[Query, ...]) -> None:
        """Forget what a write read, which is what it was registered with."""
        if not rows and not queries:
            return
        for row in rows:
            take_from(self._rows, row, write)
        for query in queries:
            field, _ = bucket = _bucket(query)
            collection, prefix, _ = query
            _count_down(self._lengths, collection, len(prefix))
            _count_down(self._fields, (collection, prefix), field)
            place = collection, prefix, *bucket
            take_from(self._queries[place], query, write)
            if not self._queries[place]:
                del self._queries[place]
        self._all.remove(write)
        self.last = self._all.last if self._all else None

    def clear(self) -> None:
        """Forget all of them."""
        self._all = SortedWrites(short_max=self._short_max)
        for kept in (self._rows, self._queries, self._lengths, self._fields):
            kept.clear()
        self.last = None

    def of_change(
        self, row: Row, old: Value | None, new: Value | None, low: Place | None, high: Place | None
    ) -> Iterator[Write]:
        """Go through those that read a row which changes from ``old`` to ``new`` (None: it is not there), or
        a query that it meets before or after, at places behind ``low`` up to ``high``; some of them twice."""
        yield from between(self._rows.get(row), low, high)
        collection, key = row
        values = [value for value in (old, new) if value is not None]
        for length in self._lengths.get(collection, ()):
            prefix = key[:length]
            fields = self._fields.get((collection, prefix)) if length <= len(key) else None
            for field in fields or ():
                scalars = [None if field is None else field_of(of_value(value), field) for value in values]
                for scalar in dict.fromkeys(scalars):
                    queries = self._queries.get((collection, prefix, field, scalar), {})
                    for query, run in queries.items():
                        if any(meets(value, query[2]) for value in values):
                            yield from between(run, low, high)

    def known(self) -> dict[Place, tuple[set[Row], set[Query]]]:
        """Return what each of them is registered with, by its place, for a check. Walks all of it."""
        found: dict[Place, tuple[set[Row], set[Query]]] = {write.place: (set(), set()) for write in self._all}
        for row, run in self._rows.items():
            for write in between(run, None, None):
                found[write.place][0].add(row)
        for (collection, prefix, *bucket), queries in self._queries.items():
            for query, run in queries.items():
                if (*query[:2], *_bucket(query)) == (collection, prefix, *bucket):
                    for write in between(run, None, None):
                        found[write.place][1].add(query)
        return found


def _bucket(query: Query) -> tuple[str | None, str | None]:
    for field, operator, scalar in query[2]:
        if operator == EQUAL:
            return field, scalar
    return None, None


def _count_up(counts: dict[Any, dict[Any, int]], at: object, what: object) -> None:
    counted = counts.setdefault(at, {})
    counted[what] = counted.get(what, 0) + 1


def _count_down(counts: dict[Any, dict[Any, int]], at: object, what: object) -> None:
    left = counts[at]
    left[what] -= 1
    if not left[what]:
        del left[what]
        if not left:
            del counts[at]
