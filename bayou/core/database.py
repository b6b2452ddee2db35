"""The rows that the log makes: (collection, key) -> value, in two views (Terry '95, "Replica consistency").

The database is a function of the log, but is never made by replaying it. What a view says of a row
depends on the last write of that row alone, so a late write, or a commitment in another order than
the tentative one, costs a look at that row's writes: O(log n) in their number.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.sortedwrites import SHORT, SortedWrites
from bayou.core.write import DELETE, PUT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.core.values import Value


class Table:
    """One collection, by key: the put that gave each row its committed value, and the tentative writes.

    Most rows have one tentative write at most: a run of its own is made for the second one.
    """

    __slots__ = ("committed", "tentative")

    def __init__(self) -> None:
        self.committed: dict[str, Write] = {}
        self.tentative: dict[str, Write | SortedWrites] = {}


class Database:
    """Both views of all rows: the committed one, and the full one with tentative writes.

    Kept by telling it each write twice at most: ``tentative`` when it enters the tentative suffix,
    ``commit`` when it is committed.
    """

    __slots__ = ("_short_max", "_tables")

    def __init__(self, *, short_max: int = SHORT) -> None:
        self._short_max = short_max
        self._tables: dict[str, Table] = {}

    def _table(self, collection: str) -> Table:
        """Return a collection, which is made by its first write."""
        table = self._tables.get(collection)
        if table is None:
            table = self._tables[collection] = Table()
        return table

    def tentative(self, write: Write) -> None:
        """Take in a put or delete that entered the tentative suffix, wherever in it."""
        rows = self._table(write.collection).tentative
        present = rows.setdefault(write.key, write)
        if present is write:
            return
        if isinstance(present, SortedWrites):
            present.add(write)
        else:
            rows[write.key] = SortedWrites((present, write), short_max=self._short_max)

    def commit(self, write: Write) -> None:
        """Take in a put or delete that was committed next, in the order of commitment."""
        rows = self._table(write.collection).tentative
        present = rows.get(write.key)
        if isinstance(present, SortedWrites):
            present.remove(write)
            if not present:
                del rows[write.key]
        else:
            del rows[write.key]
        self.commit_new(write)

    def commit_new(self, write: Write) -> None:
        """As ``commit``, for a write that was not tentative here before."""
        rows = self._table(write.collection).committed
        if write.kind == PUT:
            rows[write.key] = write
        else:
            rows.pop(write.key, None)

    def commit_all(self, writes: Iterable[Write]) -> None:
        """As ``commit`` for every tentative write there is, given in the order of commitment."""
        data = [write for write in writes if write.kind <= DELETE]
        for collection in dict.fromkeys([write.collection for write in data]):
            self._tables[collection].tentative.clear()
        for write in data:
            self.commit_new(write)

    def get(self, collection: str, key: str, *, committed_only: bool = False) -> Value | None:
        """Return the value of a row, or None where there is no such row in that view."""
        table = self._tables.get(collection)
        if table is None:
            return None
        last: Write | None = None
        if not committed_only:
            present = table.tentative.get(key)
            last = present.last if isinstance(present, SortedWrites) else present
        if last is None:
            last = table.committed.get(key)
        # The value of a put is never a name.
        return None if last is None or last.kind != PUT else last.value  # type: ignore[return-value]

    def check(self, committed: Iterable[Write], tentative: Iterable[Write]) -> None:
        """Raise InvariantBroken unless both views are what replaying these writes gives."""
        replayed: dict[tuple[str, str], Write] = {}
        for write in committed:
            if write.kind == PUT:
                replayed[write.collection, write.key] = write
            elif write.kind == DELETE:
                replayed.pop((write.collection, write.key), None)
        runs: dict[tuple[str, str], list[Write]] = {}
        for write in tentative:
            if write.kind <= DELETE:
                runs.setdefault((write.collection, write.key), []).append(write)
        kept: dict[tuple[str, str], Write] = {}
        kept_runs: dict[tuple[str, str], list[Write]] = {}
        for collection, table in self._tables.items():
            for key, put in table.committed.items():
                kept[collection, key] = put
            for key, run in table.tentative.items():
                kept_runs[collection, key] = [run] if isinstance(run, Write) else list(run)
        require(replayed == kept, "the committed view is not what the committed prefix makes")
        require(runs == kept_runs, "the index by row is not what the tentative suffix makes")
