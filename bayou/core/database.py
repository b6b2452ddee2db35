"""The rows that the log makes: (collection, key) -> value, in two views (Terry '95, "Replica consistency").

The database is a function of the log, but is never made by replaying it. What a view says of a row
depends on the last write of that row alone, so a late write, or a commitment in another order than
the tentative one, costs a look at that row's writes: O(log n) in their number. Rows that nothing has changed
since the base (bayou.core.past) are read there.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.past import MemoryPast
from bayou.core.sortedwrites import SHORT, SortedWrites
from bayou.core.write import DELETE, PUT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sortedcontainers import SortedSet

    from bayou.core.name import Name
    from bayou.core.past import Past
    from bayou.core.values import Value

    Seen = tuple[str, Value, bool, tuple[int, Name] | None]
    """A row as it is seen in a view: key, value, whether the write that gave it that value is committed, and
    that write, as (stamp, server); None where it is folded into the base."""


BASE_PAGE = 256
"""How many rows of the base are read at a time."""


class Table:
    """One collection, by key: the last write of each row that was committed beyond the base, and the
    tentative writes.

    Most rows have one tentative write at most: a run of its own is made for the second one. ``keys``: all
    keys of both in order, from the first time that anybody goes through them.
    """

    __slots__ = ("committed", "keys", "tentative")

    def __init__(self) -> None:
        self.committed: dict[str, Write] = {}
        self.tentative: dict[str, Write | SortedWrites] = {}
        self.keys: SortedSet[str] | None = None

    def keys_after(self, prefix: str, after: str | None) -> Iterator[str]:
        """Go through the keys that begin with ``prefix`` and come behind ``after``, in order."""
        if self.keys is None:
            from sortedcontainers import SortedSet

            self.keys = SortedSet(self.committed)
            self.keys.update(self.tentative)
        for key in self.keys.irange(
            max(prefix, after or ""), inclusive=(after is None or prefix > after, True)
        ):
            if not key.startswith(prefix):
                return
            yield key

    def last(self, key: str, *, committed_only: bool) -> Write | None:
        """Return the last write of a row in that view; None where it is in the base, if anywhere."""
        last: Write | None = None
        if not committed_only:
            present = self.tentative.get(key)
            last = present.last if isinstance(present, SortedWrites) else present
        return self.committed.get(key) if last is None else last

    def is_tentative(self, key: str) -> bool:
        """Whether the last write of a row in the full view is tentative."""
        return key in self.tentative


class Database:
    """Both views of all rows: the committed one, and the full one with tentative writes.

    Kept by telling it each write twice at most: ``tentative`` when it enters the tentative suffix,
    ``commit`` when it is committed.
    """

    __slots__ = ("_past", "_short_max", "_tables")

    def __init__(self, past: Past | None = None, *, short_max: int = SHORT) -> None:
        self._past: Past = MemoryPast() if past is None else past
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
        table = self._table(write.collection)
        rows = table.tentative
        present = rows.setdefault(write.key, write)
        if present is write:
            if table.keys is not None:
                table.keys.add(write.key)
            return
        if isinstance(present, SortedWrites):
            present.add(write)
        else:
            rows[write.key] = SortedWrites((present, write), short_max=self._short_max)

    def commit(self, write: Write) -> None:
        """Take in a put or delete that was committed next, in the order of commitment."""
        self._take_out(self._table(write.collection).tentative, write)
        self.commit_new(write)

    def commit_new(self, write: Write) -> None:
        """As ``commit``, for a write that was not tentative here before."""
        table = self._table(write.collection)
        table.committed[write.key] = write
        if table.keys is not None:
            table.keys.add(write.key)

    def commit_all(self, writes: Iterable[Write]) -> None:
        """As ``commit`` for every tentative write there is, given in the order of commitment."""
        data = [write for write in writes if write.kind <= DELETE]
        for collection in dict.fromkeys([write.collection for write in data]):
            self._tables[collection].tentative.clear()
        for write in data:
            self.commit_new(write)

    def fold(self, writes: Iterable[Write]) -> None:
        """Forget what these committed writes made of rows: the base has it."""
        for write in writes:
            if write.kind <= DELETE:
                table = self._tables[write.collection]
                if table.committed.get(write.key) is write:
                    del table.committed[write.key]
                    if table.keys is not None and write.key not in table.tentative:
                        table.keys.discard(write.key)

    def begin_anew(self, gone: Iterable[Write]) -> None:
        """Stand on a new base: nothing was committed beyond it, and the tentative writes ``gone`` are in
        it."""
        for table in self._tables.values():
            table.committed.clear()
            table.keys = None
        for write in gone:
            if write.kind <= DELETE:
                self._take_out(self._tables[write.collection].tentative, write)

    @staticmethod
    def _take_out(rows: dict[str, Write | SortedWrites], write: Write) -> None:
        """Take a write out of the tentative ones of its row."""
        present = rows.get(write.key)
        if isinstance(present, SortedWrites):
            present.remove(write)
            if not present:
                del rows[write.key]
        else:
            del rows[write.key]

    def get(self, collection: str, key: str, *, committed_only: bool = False) -> Value | None:
        """Return the value of a row, or None where there is no such row in that view."""
        table = self._tables.get(collection)
        last = None if table is None else table.last(key, committed_only=committed_only)
        if last is None:
            row = self._past.row(collection, key)
            return None if row is None else row[2]
        # The value of a put is never a name.
        return None if last.kind != PUT else last.value  # type: ignore[return-value]

    def row(self, collection: str, key: str, *, committed_only: bool = False) -> Seen | None:
        """Return a row as it is seen in that view, or None where there is none."""
        table = self._tables.get(collection)
        last = None if table is None else table.last(key, committed_only=committed_only)
        if table is None or last is None:
            row = self._past.row(collection, key)
            return None if row is None or row[2] is None else (key, row[2], True, None)
        if last.kind != PUT:
            return None
        is_committed = committed_only or not table.is_tentative(key)
        return key, last.value, is_committed, (last.stamp, last.server)  # type: ignore[return-value]

    def rows(
        self,
        collection: str,
        prefix: str = "",
        *,
        after: str | None = None,
        count: int | None = None,
        committed_only: bool = False,
    ) -> Iterator[Seen]:
        """Go through the rows whose keys begin with ``prefix``, in the order of keys, those behind the key
        ``after`` where that is not None: up to ``count`` of them. The database must not change meanwhile."""
        table = self._tables.get(collection)
        changed = iter(()) if table is None else table.keys_after(prefix, after)
        base = self._base_rows(collection, prefix, after)
        left, below = next(changed, None), next(base, None)
        while (left is not None or below is not None) and (count is None or count > 0):
            if left is None or (below is not None and below[0] < left):
                seen, below = below, next(base, None)
            else:
                seen = self.row(collection, left, committed_only=committed_only)
                if below is not None and below[0] == left:
                    below = next(base, None)
                left = next(changed, None)
            if seen is not None:
                yield seen
                if count is not None:
                    count -= 1

    def _base_rows(self, collection: str, prefix: str, after: str | None) -> Iterator[Seen]:
        while True:
            page = self._past.rows_under(collection, prefix, after, BASE_PAGE)
            for _, key, value, _ in page:
                if value is not None:
                    yield key, value, True, None
            if len(page) < BASE_PAGE:
                return
            after = page[-1][1]

    def collections(self, *, committed_only: bool = False) -> list[str]:
        """Return the collections that have rows in that view, in order."""
        names = sorted({*self._past.collections(), *self._tables})
        return [name for name in names if any(self.rows(name, count=1, committed_only=committed_only))]

    def contended(self) -> list[tuple[str, str, list[Write]]]:
        """Return the rows that have tentative writes of more than one server, in order, with those writes."""
        found = []
        for collection, table in sorted(self._tables.items()):
            for key, present in sorted(table.tentative.items(), key=lambda item: item[0]):
                if isinstance(present, SortedWrites):
                    writes = list(present)
                    if any(write.server is not writes[0].server for write in writes):
                        found.append((collection, key, writes))
        return found

    def check(self, committed: Iterable[Write], tentative: Iterable[Write]) -> None:
        """Raise InvariantBroken unless both views are what these writes make on top of the base."""
        replayed: dict[tuple[str, str], Write] = {}
        for write in committed:
            if write.kind <= DELETE:
                replayed[write.collection, write.key] = write
        runs: dict[tuple[str, str], list[Write]] = {}
        for write in tentative:
            if write.kind <= DELETE:
                runs.setdefault((write.collection, write.key), []).append(write)
        kept: dict[tuple[str, str], Write] = {}
        kept_runs: dict[tuple[str, str], list[Write]] = {}
        for collection, table in self._tables.items():
            for key, last in table.committed.items():
                kept[collection, key] = last
            for key, run in table.tentative.items():
                kept_runs[collection, key] = [run] if isinstance(run, Write) else list(run)
            if table.keys is not None:
                require(
                    {*table.committed, *table.tentative} <= set(table.keys),
                    f"keys of {collection} are missing",
                )
        require(replayed == kept, "the committed view is not what the committed prefix makes")
        require(runs == kept_runs, "the index by row is not what the tentative suffix makes")
