"""What a file of a replica has, looked through from beginning to end: each sum, and whether its parts agree.

``examine`` goes through a file that is open; ``diagnose`` through one that nobody has, which it leaves as it
is.
"""

from __future__ import annotations

import sqlite3

from bayou._record import Record
from bayou.core.body import body_of
from bayou.core.errors import InvariantBroken
from bayou.core.name import ROOT
from bayou.core.past import NO_BASE, members_made
from bayou.core.replay import Replay
from bayou.core.table import value_of
from bayou.core.vector import LiveVector
from bayou.core.write import CHANGE, DELETE, PUT
from bayou.storage.files import SystemFiles
from bayou.storage.replica.answers import Answers
from bayou.storage.replica.database import Database, connect, told
from bayou.storage.replica.lock import FileLock
from bayou.storage.replica.opening import csn_of, look, wrong_boundary
from bayou.storage.replica.past import FilePast
from bayou.storage.replica.schema import MIGRATIONS
from bayou.storage.replica.sums import BadSum, bound, result_of, row_of, told_sum
from bayou.storage.store import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bayou.core.name import Name
    from bayou.core.write import Write
    from bayou.storage.files import Files
    from bayou.storage.replica.schema import Migrations

FINDINGS_MAX = 100
_COMMITTED = "SELECT csn, stamp, server, kind, collection, key, value, sum FROM committed ORDER BY csn"
_UNREADABLE = (sqlite3.Error, StorageError, TypeError, ValueError, LookupError)


class Diagnosis(Record):
    """What was found wrong with a file, one line each, and how much of what was looked through."""

    findings: list[str]
    writes: int
    tentative: int
    rows: int


def diagnose(
    path: str, *, moved: bool = False, files: Files | None = None, migrations: Migrations = MIGRATIONS
) -> Diagnosis:
    """Look through a file that no process has: InUse where one has; StorageFailed where it can't be read.

    ``moved``: as for opening it.
    """
    files = files or SystemFiles()
    lock = FileLock(files, path, has_file=True)
    findings: list[str] = []
    counts = [0, 0, 0]
    connection: sqlite3.Connection | None = None
    try:
        try:
            look(files, path, lock.found, moved=moved, migrations=migrations)
        except (*_UNREADABLE, OSError) as error:
            if isinstance(error, OSError):
                raise told(path, error) from error
            findings.append(str(error))
        try:
            connection = connect(path, is_read_only=True)
            for (line,) in connection.execute(f"PRAGMA integrity_check({FINDINGS_MAX})"):
                if line != "ok":
                    findings.append(f"SQLite: {line}")
            database = Database(path, connection)
            database.read_meta()
            past = FilePast(database)
            for finding in examine(past):
                if finding not in findings:
                    findings.append(finding)
                if len(findings) >= FINDINGS_MAX:
                    break
            for at, table in enumerate(("committed", "tentative", "rows")):
                (counts[at],) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        except _UNREADABLE as error:
            findings.append(str(error))
    finally:
        if connection is not None:
            connection.close()
        lock.close()
    return Diagnosis(findings, *counts)


def examine(past: FilePast) -> Iterator[str]:
    """Give out what is wrong with a file: all sums, the base against the writes that are still there, and the
    other way round."""
    parts: list[Callable[[FilePast], Iterator[str]]] = [
        _log,
        _base,
        _boundary,
        _rows,
        _made,
        _results,
        _incoming,
        _others,
    ]
    for part in parts:
        try:
            yield from part(past)
        except _UNREADABLE as error:
            yield str(error)


def _log(past: FilePast) -> Iterator[str]:
    """The log: no write missing, none twice, those of a server in their order."""
    tentative: dict[tuple[int, Name], Write] = {}
    for row in past.database.execute("SELECT * FROM tentative"):
        try:
            write = past.servers.write_of(0, *row)
        except BadSum as error:
            yield str(error)
            continue
        tentative[write.stamp, write.server] = write
        if past.base.vector.completed(write.server) >= write.stamp:
            yield f"{write} is tentative, and the base has it"
    csn = past.omitted_csn
    latest: dict[Name, int] = {}
    for at, *row in past.database.execute(_COMMITTED):
        if at != csn + 1:
            yield f"the writes of the CSNs {csn + 1} to {at - 1} are missing"
        csn = at
        try:
            write = past.servers.write_of(csn, *row)
        except BadSum as error:
            yield str(error)
            continue
        if (write.stamp, write.server) in tentative:
            yield f"{write} of CSN {csn} is tentative too"
        if latest.get(write.server, 0) >= write.stamp:
            yield f"{write} of CSN {csn} comes after a later write of its server"
        latest[write.server] = write.stamp


def _base(past: FilePast) -> Iterator[str]:
    """What belongs to the base: it has learned the writes up to its CSN, and none behind."""
    base = past.base
    try:
        base.vector.check()
    except InvariantBroken as error:
        yield f"the base vector: {error}"
    learned = LiveVector.newborn(ROOT)
    made = NO_BASE.group, NO_BASE.epoch
    for csn, *row in past.database.execute(_COMMITTED):
        try:
            write = past.servers.write_of(csn, *row)
        except BadSum:
            return  # that was said already
        if (base.vector.completed(write.server) >= write.stamp) is not (csn <= base.csn):
            where = "lacks" if csn <= base.csn else "has"
            yield f"the base vector of CSN {base.csn} {where} {write} of CSN {csn}"
        if csn <= base.csn:
            learned.learn(write)
            members = members_made(write, made[1])
            made = made if members is None else (members, csn)
            if write.stamp > base.clock:
                yield f"the clock of the base is {base.clock}, and it has {write}"
    if (
        not past.omitted_csn
        and base.csn
        and (learned.snapshot(), *made) != (base.vector, base.group, base.epoch)
    ):
        yield "vector or commit group of the base are not what all its writes make"


def _boundary(past: FilePast) -> Iterator[str]:
    """Where the last decree ends that is there whole."""
    wrong = wrong_boundary(past, csn_of(past))
    if wrong is not None:
        yield wrong


def _rows(past: FilePast) -> Iterator[str]:
    """The rows: those that a write changed which is still there are what it made of them. What general writes
    made can be told only where all writes are there."""
    has_changes = _has_changes(past)
    if has_changes and not past.omitted_csn:
        yield from _replayed(past)
    for row in past.database.execute("SELECT collection, key, value, csn, sum FROM rows"):
        try:
            collection, key, value, csn = row_of(*row)
        except BadSum as error:
            yield str(error)
            continue
        what = f"the row {collection}/{key[:40]} of CSN {csn}"
        if not 0 < csn <= past.base.csn:
            yield f"{what}, and the base has {past.base.csn}"
        if value is None and csn <= past.marks_from:
            yield f"{what} is a mark, and they were dropped up to {past.marks_from}"
        if csn <= past.omitted_csn or has_changes:
            continue
        found = past.database.execute(
            "SELECT kind, collection, key, value FROM committed WHERE csn = ?", (csn,)
        ).fetchone()
        if found != (DELETE if value is None else PUT, collection, key, value):
            yield f"{what} is not what the write of that CSN made of it"


def _made(past: FilePast) -> Iterator[str]:
    """The writes up to the base that are still there: each has changed its row, or a later one has."""
    if _has_changes(past):
        return
    gone: set[tuple[str, str]] = set()
    for csn, kind, collection, key in past.database.execute(
        "SELECT csn, kind, collection, key FROM committed WHERE csn <= ? AND kind <= ? ORDER BY csn DESC",
        (past.base.csn, DELETE),
    ):
        row = past.database.execute(
            "SELECT csn FROM rows WHERE collection = ? AND key = CAST(? AS TEXT)", (collection, bound(key))
        ).fetchone()
        if row is not None and row[0] >= csn:
            continue
        if kind == DELETE and csn <= past.marks_from and row is None:
            gone.add((collection, key))
        elif (collection, key) not in gone:
            yield f"the write of CSN {csn} has not changed the row {collection}/{key[:40]}"


def _has_changes(past: FilePast) -> bool:
    """Whether there are general writes among the writes up to the base that are still there."""
    found = past.database.execute(
        "SELECT 1 FROM committed WHERE csn <= ? AND kind = ? LIMIT 1", (past.base.csn, CHANGE)
    ).fetchone()
    return found is not None


def _replayed(past: FilePast) -> Iterator[str]:
    """All writes up to the base, carried out one after another, make its rows, and came to what is kept."""
    replay = Replay(None, None)
    made: dict[tuple[str, str], tuple[str | None, int]] = {}
    for csn, *row in past.database.execute(_COMMITTED):
        if csn > past.base.csn:
            break
        write = past.servers.write_of(csn, *row)
        if write.kind == CHANGE and body_of(str(write.value)).needs:
            return  # a function, which a file does not have
        executed = replay.execute(write)
        made.update({row: (value_of(version), csn) for row, version in replay.versions.items()})
        if executed is not None and (past.result(csn) or (None,))[0] != executed.outcome:
            yield f"the general write of CSN {csn} has another outcome than it comes to"
    for (collection, key), (value, csn) in made.items():
        found = past.row(collection, key)
        is_dropped = found is None and value is None and csn <= past.marks_from
        if not is_dropped and found != (collection, key, value, csn):
            yield f"the row {collection}/{key[:40]} of CSN {csn} is not what the writes make of it"


def _results(past: FilePast) -> Iterator[str]:
    """Outcomes: one for each general write that is folded."""
    for csn, outcome, changed, sum in past.database.execute("SELECT * FROM results"):
        try:
            result_of(csn, outcome, changed, sum)
        except BadSum as error:
            yield str(error)
    for (csn,) in past.database.execute(
        "SELECT csn FROM committed WHERE csn <= ? AND kind = ? AND csn NOT IN (SELECT csn FROM results)",
        (past.base.csn, CHANGE),
    ):
        yield f"the outcome of the general write of CSN {csn} is missing"


def _incoming(past: FilePast) -> Iterator[str]:
    """The rows of a base that is coming in."""
    count = 0
    for row in past.database.execute("SELECT collection, key, value, csn, sum FROM incoming"):
        count += 1
        try:
            row_of(*row)
        except BadSum as error:
            yield f"of a base that is coming in: {error}"
    if count and past.incoming is None:
        yield f"there are {count} rows of a base that is coming in, and nothing says which"


def _others(past: FilePast) -> Iterator[str]:
    """Answers, facts and addresses."""
    for kind, key, body, sum in past.database.execute("SELECT kind, key, body, sum FROM facts"):
        if told_sum(kind, key, body) != sum:
            yield f"the fact {kind} {key[:40]} is damaged: its sum is wrong"
    for number, version, text, sum in past.database.execute("SELECT * FROM addresses"):
        server, start = past.servers.name(number)
        if told_sum(version, text, start=start) != sum:
            yield f"the addresses of {server} are damaged: their sum is wrong"
    yield from Answers(past.database, past.servers).damaged()
