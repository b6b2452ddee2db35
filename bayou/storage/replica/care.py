"""What is done with the file of a replica as a whole: how large it is, a backup, a smaller file, a new
server."""

from __future__ import annotations

import os
import sqlite3

from bayou._record import Record
from bayou.core.past import LAST
from bayou.storage.files import OpenFile, SystemFiles, parent_of
from bayou.storage.replica.database import Database, connect, told
from bayou.storage.replica.lock import FileLock
from bayou.storage.replica.opening import look, make, version_of
from bayou.storage.replica.past import PUT_ROWS, FilePast
from bayou.storage.replica.schema import FORMAT, MIGRATIONS
from bayou.storage.replica.sums import BadSum, base_row, row_of, told_sum
from bayou.storage.store import StorageFailed, StorageForeign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.storage.files import Files

_MEANT = (sqlite3.Error, OSError, BadSum, TypeError, ValueError, LookupError)


class Sizes(Record):
    """How much a file has. ``rows`` are without ``marks``; ``vector`` counts entries of the base; the bytes
    of the file include ``free_bytes``, which are used again; ``log_bytes``, ``tentative_bytes`` and
    ``rows_bytes`` are None unless they were asked for, and where this SQLite can't tell."""

    log: int
    tentative: int
    rows: int
    marks: int
    vector: int
    incoming: int
    answers: int
    file_bytes: int
    wal_bytes: int
    free_bytes: int
    log_bytes: int | None = None
    tentative_bytes: int | None = None
    rows_bytes: int | None = None


def sizes(past: FilePast, csn: int, *, by_table: bool = False) -> Sizes:
    """Return how much a file has, whose last write has this CSN. Rows are counted one by one, some ten
    million a second; ``by_table`` reads the whole file."""
    execute = past.database.execute
    incoming, answers = (
        execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("incoming", "answers")
    )
    (marks,) = execute("SELECT count(*) FROM rows WHERE value IS NULL").fetchone()
    pages, page_bytes, free = (
        execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size", "freelist_count")
    )
    try:
        wal_bytes = os.stat(f"{past.database.path}-wal").st_size
    except OSError:
        wal_bytes = 0
    return Sizes(
        csn - past.omitted_csn,
        past.tentative_count,
        past.row_count(),
        marks,
        len(past.base.vector.names),
        incoming,
        answers,
        pages * page_bytes,
        wal_bytes,
        free * page_bytes,
        *(_table_bytes(past.database) if by_table else (None, None, None)),
    )


def _table_bytes(database: Database) -> tuple[int | None, int | None, int | None]:
    """Return how many bytes the log, the tentative writes and the rows take, each with its indexes."""
    try:
        log, tentative, rows = (
            database.execute(
                "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN "
                "(SELECT name FROM sqlite_master WHERE tbl_name = ?)",
                (table,),
            ).fetchone()[0]
            for table in ("committed", "tentative", "rows")
        )
    except sqlite3.OperationalError as error:
        if "dbstat" not in str(error):
            raise
        return None, None, None  # this SQLite was built without that
    return log, tentative, rows


def free_bytes(path: str) -> int:
    """Return how many bytes are left on the file system that a file is on. StorageFailed where that can't be
    found out."""
    try:
        found = os.statvfs(parent_of(path))
    except OSError as error:
        raise told(path, error) from error
    return found.f_bavail * found.f_frsize


def back_up(path: str, out: str, *, files: Files | None = None) -> int:
    """Write a copy of a file as it is at one moment to ``out``, which must not be there, and return its size
    in bytes. The file may be in use, by this process too, from another thread. The copy says that it is a
    backup, and is not started as it is.

    Raises StorageFailed, also where there is an ``out``; StorageForeign, StorageDamaged.
    """
    files = files or SystemFiles()
    part = _new_file(files, out)
    try:
        source = connect(path, is_read_only=True)
        try:
            version_of(Database(path, source))
            _copy(source, part)
        finally:
            source.close()
        copy = connect(part)
        try:
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # so that it is one file
            database = Database(part, copy)
            database.read_meta()
            database.begin()
            database.set_meta(backup=1)
            database.commit()
            if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise BadSum("a part of it can't be read")
        finally:
            copy.close()
        return _let_be(files, part, out)
    except _MEANT as error:
        raise told(path, error) from error
    finally:
        _remove(files, part)


def compact(path: str, *, files: Files | None = None) -> tuple[int, int]:
    """Let a file that no process has be as small as it can; return its size before and after, in bytes. As
    much room is needed meanwhile. Errors as for opening it."""
    files = files or SystemFiles()
    lock = FileLock(files, path, has_file=True)
    try:
        look(files, path, lock.found, moved=False, migrations=MIGRATIONS)
        before = os.stat(path).st_size
        connection = connect(path)
        try:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.close()
        return before, os.stat(path).st_size
    except _MEANT as error:
        raise told(path, error) from error
    finally:
        lock.close()


def make_newcomer(source: str, out: str, *, with_rows: bool, files: Files | None = None) -> None:
    """Make a new file ``out`` for a server that has no name yet, of the cluster of the file or backup
    ``source``, which no process has. ``with_rows``: the rows of its base are what has come in already, up to
    its CSN, of the base that the new server will ask for. Not for one that was ever in the commit group, the
    primary say. Its tentative writes are not in it, nor what it has promised and voted for.

    Errors as for opening ``source``; StorageFailed where there is an ``out``.
    """
    files = files or SystemFiles()
    lock: FileLock | None = None
    part = _new_file(files, out)
    try:
        old = connect(source, is_read_only=True)
        try:
            before = Database(source, old)
            version = version_of(before)
            if version != FORMAT:
                raise StorageForeign(
                    f"{source} is of format {version}, and this version of bayou reads format {FORMAT}"
                )
            before.read_meta()
            if "backup" not in before.meta:
                lock = FileLock(files, source)
            past = FilePast(before)
            make(files, part)
            new = connect(part)
            try:
                _fill(past, Database(part, new), with_rows=with_rows)
            finally:
                new.close()
        finally:
            old.close()
        _let_be(files, part, out)
    except _MEANT as error:
        raise told(source, error) from error
    finally:
        _remove(files, part)
        if lock is not None:
            lock.close()


def _fill(past: FilePast, new: Database, *, with_rows: bool) -> None:
    """Let a new file know its cluster, and the rows of an old one."""
    new.read_meta()
    new.begin()
    new.set_meta(cluster=past.database.text("cluster"))
    if with_rows and past.base.csn:
        rows = past.database.execute(
            "SELECT collection, key, value, csn, sum FROM rows ORDER BY collection, key"
        )
        while part := rows.fetchmany(1000):
            new.executemany(PUT_ROWS.format("incoming"), [base_row(row_of(*row)) for row in part])
        csn = past.base.csn
        told = (0, csn, LAST, "", csn, csn, past.marks_from)
        new.execute("INSERT INTO incoming_meta VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*told, told_sum(*told)))
    new.commit()


def _copy(source: sqlite3.Connection, out: str) -> None:
    """Copy all that a connection sees at one moment, however much others write meanwhile."""
    target = connect(out)
    try:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # that moment is now
        source.backup(target)
        source.execute("COMMIT")
    finally:
        target.close()


def _new_file(files: Files, out: str) -> str:
    """Make an empty file that is to become ``out``, for its owner only, and return its path."""
    if os.path.lexists(out):
        raise StorageFailed(f"{out} is there already: name another file, or remove it")
    part = f"{out}.part"
    _remove(files, part)
    try:
        OpenFile(files, part, is_new=True).close()
    except OSError as error:
        raise told(out, error) from error
    return part


def _let_be(files: Files, part: str, out: str) -> int:
    """Let a file that is complete have its own name; return its size."""
    done = OpenFile(files, part)
    try:
        size = done.sync()
    finally:
        done.close()
    files.rename(part, out)
    files.sync_folder(parent_of(out))
    return size


def _remove(files: Files, path: str) -> None:
    """Remove what is left of a file that was to be made."""
    for suffix in ("", "-journal", "-wal", "-shm", "-making"):
        try:
            files.remove(f"{path}{suffix}")
        except OSError:
            pass
