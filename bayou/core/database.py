"""The rows that the log makes: (collection, key) -> value, in two views (Terry '95, "Replica consistency").

The database is a function of the log, but is never made by replaying it. What a view says of a row
depends on the last version of that row alone, so a late write, or a commitment in another order than
the tentative one, costs a look at that row's versions: O(log n) in their number. Rows that nothing has
changed since the base (bayou.core.past) are read there.

What general writes make of rows is in bayou.core.executions. As long as there was none, a put or delete pays
one test for them.
"""

from __future__ import annotations

from bayou.core.errors import FunctionFault, require
from bayou.core.past import MemoryPast
from bayou.core.sortedwrites import SHORT, SortedWrites
from bayou.core.table import Table, value_of
from bayou.core.write import CHANGE, DELETE, PUT, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bayou.core.body import Body
    from bayou.core.execute import Functions
    from bayou.core.executions import Executions
    from bayou.core.name import Name
    from bayou.core.past import Past, Result
    from bayou.core.values import Value

    Seen = tuple[str, Value, bool, tuple[int, Name] | None]
    """A row as it is seen in a view: key, value, whether the write that gave it that value is committed, and
    that write, as (stamp, server); None where it is folded into the base."""


BASE_PAGE = 256
"""How many rows of the base are read at a time."""


class Database:
    """Both views of all rows: the committed one, and the full one with tentative writes.

    Kept by telling it each write twice at most: ``tentative`` when it enters the tentative suffix,
    ``commit`` when it is committed; and ``settle`` at the end of each step. Before that, general writes among
    them, and what depends on them, have not been executed.
    """

    __slots__ = ("_changes", "_functions", "_short_max", "_tables", "past")

    def __init__(
        self, past: Past | None = None, *, short_max: int = SHORT, functions: Functions | None = None
    ) -> None:
        self.past: Past = MemoryPast() if past is None else past
        self._short_max = short_max
        self._functions = functions
        self._tables: dict[str, Table] = {}
        self._changes: Executions | None = None

    def table(self, collection: str) -> Table:
        """Return a collection, which is made by its first version."""
        table = self._tables.get(collection)
        if table is None:
            table = self._tables[collection] = Table(self._short_max)
        return table

    @property
    def _executions(self) -> Executions:
        if self._changes is None:
            from bayou.core.executions import Executions  # not needed without general writes

            self._changes = Executions(self, self._functions, self._short_max)
        return self._changes

    # Writes come in.

    def tentative(self, write: Write) -> None:
        """Take in a put, delete or general write that entered the tentative suffix, wherever in it."""
        if write.kind == CHANGE:
            self._executions.tentative(write)
            return
        self.table(write.collection).add(write)
        if self._changes is not None:
            self._changes.version_came(write)

    def commit(self, write: Write, *, is_first: bool) -> None:
        """Take in a tentative write that was committed next, in the order of commitment. ``is_first``:
        whether it was the first of the tentative suffix."""
        if write.kind == CHANGE:
            self._executions.commit(write, is_first=is_first)
        elif is_first or self._changes is None:
            table = self._tables[write.collection]
            table.commit(write)
            table.remove(write)
        else:
            self._changes.take_out(write)
            self._changes.commit_version(write)

    def commit_new(self, write: Write) -> None:
        """As ``commit``, for a write that was not tentative here before."""
        if write.kind == CHANGE:
            self._executions.commit_new(write)
        elif self._changes is None:
            self.table(write.collection).commit(write)
        else:
            self._changes.commit_version(write)

    def commit_all(self, writes: Iterable[Write]) -> None:
        """As ``commit`` for every tentative write there is, given in the order of commitment. To be called
        where all is settled."""
        if self._changes is None:
            versions = [write for write in writes if write.kind <= DELETE]
        else:
            versions = self._changes.commit_all(writes)
        for collection in dict.fromkeys([version.collection for version in versions]):
            self._tables[collection].tentative.clear()
        for version in versions:
            self._tables[version.collection].commit(version)

    def try_out(self, body: Body, functions: Functions) -> None:
        """Execute what would be the last write of all, and forget what comes of it. To be called where all is
        settled; raises what ``functions`` does."""
        from bayou.core.execute import execute

        try:
            execute(body, _Full(self), functions)
        except FunctionFault as fault:
            raise fault.of(f"the write {body.name!r}, which a client wants accepted") from fault

    def settle(self) -> int:
        """Execute the general writes that have to be, in their order, each once; return how many that was."""
        return 0 if self._changes is None else self._changes.settle()

    # The past.

    def versions(self, write: Write) -> tuple[Write, ...]:
        """Return what a write of the log beyond the base makes of rows, as things stand."""
        if write.kind == CHANGE:
            return self._executions.versions(write)
        return (write,) if write.kind <= DELETE else ()

    def result(self, write: Write) -> Result | None:
        """Return what a general write of the log beyond the base came to, as things stand; of another write,
        None."""
        return self._executions.result(write) if write.kind == CHANGE else None

    def outcome(self, write: Write) -> int | None:
        """Return the outcome alone."""
        result = self.result(write)
        return None if result is None else result[0]

    @property
    def digest(self) -> str:
        """The digest of what the committed general writes came to: servers of the same CSN have the same."""
        return self.past.base.digest if self._changes is None else self._changes.digest

    def digest_after(self, write: Write) -> str:
        """Return the digest up to a general write that was committed beyond the base."""
        return self._executions.digest_after(write)

    def fold(self, writes: Iterable[Write]) -> None:
        """Forget what these committed writes made of rows: the base has it."""
        for write in writes:
            for version in self.versions(write):
                table = self._tables[version.collection]
                if table.committed.get(version.key) is version:
                    del table.committed[version.key]
                    if table.keys is not None and version.key not in table.tentative:
                        table.keys.discard(version.key)
            if write.kind == CHANGE:
                self._executions.forget(write)

    def begin_anew(self, gone: Iterable[Write], tentative: Iterable[Write]) -> None:
        """Stand on a new base: nothing was committed beyond it, the tentative writes ``gone`` are in it, and
        ``tentative`` are left. All general writes among these have to be executed afresh."""
        for table in self._tables.values():
            table.committed.clear()
            table.keys = None
        for write in gone:
            if write.kind <= DELETE:
                self._tables[write.collection].remove(write)
        if self._changes is not None:
            self._changes.begin_anew(tentative)

    # Reading.

    def get(self, collection: str, key: str, *, committed_only: bool = False) -> Value | None:
        """Return the value of a row, or None where there is no such row in that view."""
        table = self._tables.get(collection)
        last = None if table is None else table.last(key, committed_only=committed_only)
        return self.value_after(collection, key, last)

    def row(self, collection: str, key: str, *, committed_only: bool = False) -> Seen | None:
        """Return a row as it is seen in that view, or None where there is none."""
        table = self._tables.get(collection)
        last = None if table is None else table.last(key, committed_only=committed_only)
        if table is None or last is None:
            row = self.past.row(collection, key)
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
        for key, below in self._keys(collection, prefix, after):
            if count is not None and count <= 0:
                return
            seen = self.row(collection, key, committed_only=committed_only) if below is None else below
            if seen is not None:
                yield seen
                if count is not None:
                    count -= 1

    def _keys(self, collection: str, prefix: str, after: str | None) -> Iterator[tuple[str, Seen | None]]:
        """Go through the keys of all rows that may be there, in order: with the row, where it is in the base
        and has no version beyond it."""
        table = self._tables.get(collection)
        changed = iter(()) if table is None else table.keys_after(prefix, after)
        base = self._base_rows(collection, prefix, after)
        left, below = next(changed, None), next(base, None)
        while left is not None or below is not None:
            if left is None or (below is not None and below[0] < left):
                yield below[0], below  # type: ignore[index]
                below = next(base, None)
            else:
                yield left, None
                if below is not None and below[0] == left:
                    below = next(base, None)
                left = next(changed, None)

    def value_after(self, collection: str, key: str, last: Write | None) -> Value | None:
        """Return what a row is after that version of it, its last; where there is none, in the base."""
        if last is None:
            row = self.past.row(collection, key)
            return None if row is None else row[2]
        return value_of(last)

    def values(
        self, collection: str, prefix: str, version: Callable[[Table, str], Write | None]
    ) -> Iterator[tuple[str, Value]]:
        """Go through keys and values of the rows whose keys begin with ``prefix``, in order, where of each
        row that version counts; where it has none, the base."""
        table = self._tables.get(collection)
        for key, below in self._keys(collection, prefix, None):
            if below is not None or table is None:
                value = None if below is None else below[1]
            else:
                value = self.value_after(collection, key, version(table, key))
            if value is not None:
                yield key, value

    def value(self, collection: str, key: str, version: Callable[[Table, str], Write | None]) -> Value | None:
        """Return the value of a row, of which that version counts; where it has none, the base."""
        table = self._tables.get(collection)
        return self.value_after(collection, key, None if table is None else version(table, key))

    def _base_rows(self, collection: str, prefix: str, after: str | None) -> Iterator[Seen]:
        while True:
            page = self.past.rows_under(collection, prefix, after, BASE_PAGE)
            for _, key, value, _ in page:
                if value is not None:
                    yield key, value, True, None
            if len(page) < BASE_PAGE:
                return
            after = page[-1][1]

    def collections(self, *, committed_only: bool = False) -> list[str]:
        """Return the collections that have rows in that view, in order, but for those of the system."""
        names = [name for name in sorted({*self.past.collections(), *self._tables}) if name[0] != "!"]
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
        """Raise InvariantBroken unless both views are what these writes make on top of the base, executed one
        after another. (Walks all of it.)"""
        from bayou.core.replay import Replay

        replay = Replay(self.past, self._functions)
        executed = {write.place: replay.execute(write) for write in committed}
        kept = {
            (name, key): last for name, table in self._tables.items() for key, last in table.committed.items()
        }
        require(replay.last == kept, "the committed view is not what the committed prefix makes")
        replay.runs = {}
        executed |= {write.place: replay.execute(write) for write in tentative}
        runs = {
            (name, key): [run] if isinstance(run, Write) else list(run)
            for name, table in self._tables.items()
            for key, run in table.tentative.items()
        }
        require(replay.runs == runs, "the index by row is not what the tentative suffix makes")
        for collection, table in self._tables.items():
            if table.keys is not None:
                have = {*table.committed, *table.tentative} <= set(table.keys)
                require(have, f"keys of {collection} are missing")
        if self._changes is not None:
            self._changes.check({place: each for place, each in executed.items() if each is not None})


class _Full:
    """All rows of a database, as a write would see them that came last."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, collection: str, key: str) -> Value | None:
        return self._database.get(collection, key)

    def rows(self, collection: str, prefix: str) -> Iterator[tuple[str, Value]]:
        return ((seen[0], seen[1]) for seen in self._database.rows(collection, prefix))
