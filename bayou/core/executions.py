"""The general writes of a log: what each came to in its place, and which have to be executed again
(Terry '95, "Dependency checks", "Merge procedures").

A general write is executed in its place, on what stands before it, and turns into versions: puts and deletes
that bear its stamp and server. What it read is remembered. A version that comes, goes or is replaced makes
those writes **dirty** that could have seen it; they wait, in order, and ``settle`` executes them, each once,
as what one changes is seen behind it alone. So a late write among a million costs what depends on it, and the
result is that of executing everything from the start.
"""

from __future__ import annotations

from _heapq import heappop, heappush  # the C half: see docs/decisions/0002-start-time.md

from bayou.core.body import body_of
from bayou.core.errors import FunctionFault, require
from bayou.core.execute import CONFLICT, conflict_key, execute
from bayou.core.readers import Readers
from bayou.core.rows import CONFLICTS
from bayou.core.table import value_of
from bayou.core.values import canonical
from bayou.core.write import CHANGE, DELETE, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from bayou.core.body import Query
    from bayou.core.execute import Executed, Functions, Row
    from bayou.core.past import Past, Result
    from bayou.core.sortedwrites import Place
    from bayou.core.table import Table
    from bayou.core.values import Value

    class Tables(Protocol):
        """The rows of a database: see there (bayou.core.database)."""

        @property
        def past(self) -> Past: ...
        def table(self, collection: str) -> Table: ...
        def value_after(self, collection: str, key: str, last: Write | None) -> Value | None: ...
        def value(self, collection: str, key: str, version: Version) -> Value | None: ...
        def values(self, collection: str, prefix: str, version: Version) -> Iterator[tuple[str, Value]]: ...

    Version = Callable[[Table, str], Write | None]
    """Which version of a row counts."""

DIGEST_BYTES = 16


class Execution:
    """What a general write came to in its place: outcome, the rows and queries that it read, and the versions
    that it made, a row each; ``digest`` where it is committed: of all that general writes came to up to
    it."""

    __slots__ = ("digest", "outcome", "queries", "rows", "versions")

    def __init__(
        self,
        outcome: int,
        rows: tuple[Row, ...],
        queries: tuple[Query, ...],
        versions: tuple[Write, ...],
    ) -> None:
        self.digest = ""
        self.outcome = outcome
        self.rows = rows
        self.queries = queries
        self.versions = versions


class Executions:
    """The general writes of a database beyond its base, and their readers."""

    __slots__ = (
        "_committed",
        "_database",
        "_dirty",
        "_functions",
        "_heap",
        "_readers",
        "_tentative",
        "digest",
    )

    def __init__(self, database: Tables, functions: Functions | None, short_max: int) -> None:
        self._database = database
        self._functions = functions
        self._readers = Readers(short_max)
        self._tentative: dict[Place, Execution | None] = {}
        self._committed: dict[Place, Execution] = {}
        self._heap: list[Write] = []
        self._dirty: set[Place] = set()  # which of the heap still have to be executed
        self.digest = database.past.base.digest
        """Of what all committed general writes came to: servers of the same CSN have the same."""

    def tentative(self, write: Write) -> None:
        """Take in a general write that entered the tentative suffix, wherever in it."""
        self._tentative[write.place] = None
        self._make_dirty(write)

    def commit(self, write: Write, *, is_first: bool) -> None:
        """Commit a tentative general write: where it saw the committed state, what came of it moves over."""
        execution = self._tentative.pop(write.place)
        is_dirty = write.place in self._dirty
        self._dirty.discard(write.place)
        if execution is not None:
            self._readers.remove(write, execution.rows, execution.queries)
            if is_first and not is_dirty:
                for version in self._remember(write, execution):
                    table = self._database.table(version.collection)
                    table.commit(version)
                    table.remove(version)
                return
            for version in execution.versions:
                self.take_out(version)
        self.commit_new(write)

    def commit_new(self, write: Write) -> None:
        """Execute a write on the committed state: what comes of it is final."""
        execution = self._execute(write, _committed_version)
        for version in self._remember(write, execution):
            self.commit_version(version)

    def commit_all(self, writes: Iterable[Write]) -> list[Write]:
        """Commit all that is tentative, given in its order, puts and deletes among it: return the versions in
        that order."""
        require(not self._dirty, "writes were to be committed that had not been executed")
        self._readers.clear()
        versions: list[Write] = []
        for write in writes:
            if write.kind <= DELETE:
                versions.append(write)
            elif write.kind == CHANGE:
                execution = self._tentative.pop(write.place)
                versions.extend(self._remember(write, execution))  # type: ignore[arg-type]
        return versions

    def settle(self) -> int:
        """Execute all writes that are dirty, in their order, each once; return how many that was."""
        count = 0
        while self._heap:
            write = heappop(self._heap)
            if write.place in self._dirty:
                self._dirty.remove(write.place)
                self._execute_in_place(write)
                count += 1
        return count

    def _make_dirty(self, write: Write) -> None:
        if write.place not in self._dirty:
            self._dirty.add(write.place)
            heappush(self._heap, write)

    def _execute(self, write: Write, version: Version) -> Execution:
        """Execute a write on the rows of which that version counts, and turn what comes of it into
        versions."""
        body = body_of(write.value)  # type: ignore[arg-type]  # that of a change is never a name
        try:
            executed = execute(body, _View(self._database, version), self._functions)
        except FunctionFault as fault:
            raise fault.of(f"the write {body.name!r}, {write.stamp}@{write.server}") from fault
        changes = executed.changes
        if executed.outcome == CONFLICT:
            changes = {(CONFLICTS, conflict_key(*write.place)): write.value}  # type: ignore[dict-item]
        versions = tuple(write.version(*row, value) for row, value in changes.items())
        return Execution(executed.outcome, executed.rows, executed.queries, versions)

    def _execute_in_place(self, write: Write) -> None:
        """Execute a tentative write on what stands before it, and let go of what came of it before."""
        place, before = write.place, self._tentative[write.place]
        now = self._execute(write, lambda table, key: table.last_before(key, place))
        self._tentative[place] = now
        if before is not None:
            self._readers.remove(write, before.rows, before.queries)
        self._readers.add(write, now.rows, now.queries)
        old = {} if before is None else {version[3:5]: version for version in before.versions}
        for version in now.versions:
            present, table = old.pop(version[3:5], None), self._database.table(version.collection)
            if present is None:
                table.add(version)
                self.version_came(version)
            elif present != version:
                table.remove(present)
                table.add(version)
                self._seen_anew(version, value_of(present), value_of(version))
        for version in old.values():
            self.take_out(version)

    def _remember(self, write: Write, execution: Execution) -> tuple[Write, ...]:
        """Keep what a committed write came to, and return its versions. What it read is no matter any
        more."""
        execution.rows = execution.queries = ()
        self.digest = execution.digest = _digest(self.digest, write, execution)
        self._committed[write.place] = execution
        return execution.versions

    # What changes of versions make dirty.

    def version_came(self, version: Write) -> None:
        """A tentative version has been added."""
        last = self._readers.last
        if last is not None and version < last:  # nobody who comes in order need look any further
            collection, key = version.collection, version.key
            before = self._database.table(collection).last_before(key, version.place)
            self._seen_anew(version, self._database.value_after(collection, key, before), value_of(version))

    def take_out(self, version: Write) -> None:
        """Take a tentative version out."""
        collection, key = version.collection, version.key
        table = self._database.table(collection)
        table.remove(version)
        last = table.last_before(key, version.place)
        self._seen_anew(version, value_of(version), self._database.value_after(collection, key, last))

    def commit_version(self, version: Write) -> None:
        """Let a version be the committed one, for all those to see who see the committed state of that
        row."""
        collection, key = version.collection, version.key
        table = self._database.table(collection)
        if self._readers.last is not None:
            old = self._database.value_after(collection, key, table.committed.get(key))
            new = value_of(version)
            if old != new:
                self._tell_readers((collection, key), old, new, None, table.first_place(key))
        table.commit(version)

    def _seen_anew(self, version: Write, old: Value | None, new: Value | None) -> None:
        """Behind the place of a version, up to the next one of its row, ``new`` is seen instead of
        ``old``."""
        last = self._readers.last
        if old != new and last is not None and version < last:
            high = self._database.table(version.collection).next_place(version.key, version.place)
            self._tell_readers((version.collection, version.key), old, new, version.place, high)

    def _tell_readers(
        self, row: Row, old: Value | None, new: Value | None, low: Place | None, high: Place | None
    ) -> None:
        for write in self._readers.of_change(row, old, new, low, high):
            self._make_dirty(write)

    # What came of writes.

    def versions(self, write: Write) -> tuple[Write, ...]:
        """Return what a write makes of rows, as things stand."""
        execution = self._of(write)
        return () if execution is None else execution.versions

    def result(self, write: Write) -> Result | None:
        """Return what a write came to, as things stand; None where it is not known here."""
        execution = self._of(write)
        if execution is None:
            return None
        rows = tuple((version.collection, version.key) for version in execution.versions)
        return execution.outcome, rows

    def _of(self, write: Write) -> Execution | None:
        return self._committed.get(write.place) or self._tentative.get(write.place)

    def digest_after(self, write: Write) -> str:
        """Return the digest up to a write that was committed beyond the base."""
        return self._committed[write.place].digest

    def forget(self, write: Write) -> None:
        """Forget what a committed write came to."""
        del self._committed[write.place]

    def begin_anew(self, tentative: Iterable[Write]) -> None:
        """Stand on a new base: of the general writes those among ``tentative`` are left, none executed."""
        for execution in self._tentative.values():
            for version in () if execution is None else execution.versions:
                self._database.table(version.collection).remove(version)
        self._committed.clear()
        self._tentative.clear()
        self._readers.clear()
        self._heap.clear()
        self._dirty.clear()
        self.digest = self._database.past.base.digest
        for write in tentative:
            if write.kind == CHANGE:
                self.tentative(write)

    def check(self, executed: dict[Place, Executed]) -> None:
        """Raise InvariantBroken unless each write came to what ``executed`` says, by place, and the readers
        are those who read."""
        require(not self._dirty, "a write has not been executed")
        kept = {**self._committed, **self._tentative}
        require(
            {place: each.outcome for place, each in executed.items()}
            == {place: None if each is None else each.outcome for place, each in kept.items()},
            "an outcome is not what the order makes",
        )
        readers = {
            place: (set(each.rows), set(each.queries))
            for place, each in executed.items()
            if place in self._tentative and (each.rows or each.queries)
        }
        known = self._readers.known()
        require(readers == known, "the readers are not those who read")
        last = None if self._readers.last is None else self._readers.last.place
        require(max(readers, default=None) == last, "the last reader is another one")


def _digest(before: str, write: Write, execution: Execution) -> str:
    """Return the digest behind a general write, ``before`` that before it."""
    from hashlib import blake2b

    made = {version[3:5]: version.value for version in execution.versions}
    versions = [[*row, made[row]] for row in sorted(made)]
    told = [before, write.stamp, list(write.server.stamps), execution.outcome, versions]
    text = canonical(told, 4).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=DIGEST_BYTES).hexdigest()


def _committed_version(table: Table, key: str) -> Write | None:
    return table.committed.get(key)


class _View:
    """The rows of a database of which, in each row, a certain version counts."""

    __slots__ = ("_database", "_version")

    def __init__(self, database: Tables, version: Version) -> None:
        self._database = database
        self._version = version

    def get(self, collection: str, key: str) -> Value | None:
        return self._database.value(collection, key, self._version)

    def rows(self, collection: str, prefix: str) -> Iterator[tuple[str, Value]]:
        return self._database.values(collection, prefix, self._version)
