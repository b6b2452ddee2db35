"""How the file of a replica is made, and opened: all that has to hold before anything of it is used.

It is looked at through a connection that only reads, which leaves it, and the log of SQLite beside it, as
they are. What a damaged file has may be needed to find out what became of it.
"""

from __future__ import annotations

import os
import sqlite3

from bayou.core.past import members_made
from bayou.core.write import GROUP, RETIREMENT
from bayou.storage.files import OpenFile, parent_of
from bayou.storage.replica.database import REMEDY, Database, connect
from bayou.storage.replica.past import STAMP_CEILING, FilePast
from bayou.storage.replica.schema import APPLICATION_ID, FORMAT, META, SCHEMA, Unmigrated
from bayou.storage.replica.sums import BadSum, name_of, told_sum
from bayou.storage.store import InUse, LostMemory, StorageDamaged, StorageForeign
from bayou.storage.wal import broken_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name, ServerNames
    from bayou.storage.files import Files
    from bayou.storage.replica.lock import Note
    from bayou.storage.replica.schema import Migrations

WORD = b"SQLite format 3\0"
COUNTED_MAX = 200_000
"""Up to so many writes of the log are counted at each start. Of a longer one PROBES writes are looked for;
``bayou doctor`` counts them all."""

PROBES = 500

CHECKED_BYTES = 8 << 20
"""Up to this size SQLite looks through all pages of a file at each start, which takes 50 ms."""


def exists(files: Files, path: str) -> bool:
    """Whether there is a file with anything in it."""
    folder = parent_of(path)
    names = files.names(folder)
    if names is None:
        raise FileNotFoundError(2, "No such folder", folder)
    name = os.path.basename(path)
    if name in names and os.stat(path).st_size:
        return True
    if f"{name}-wal" in names and os.stat(f"{path}-wal").st_size:
        raise StorageDamaged(f"{path} is missing beside its {path}-wal; {REMEDY}")
    return False


def make(files: Files, path: str) -> None:
    """Make a file for a server that has no name yet. It is there as a whole or not at all. Raises OSError,
    sqlite3.Error."""
    making = f"{path}-making"
    for left in (making, f"{making}-journal"):
        try:
            files.remove(left)
        except FileNotFoundError:
            pass
    OpenFile(files, making, is_new=True).close()  # for its owner only
    about = os.stat(making)
    connection = connect(making)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("BEGIN")
        for line in SCHEMA:
            connection.execute(line)
        server = connection.execute("INSERT INTO servers (name) VALUES ('')").lastrowid
        connection.execute("INSERT INTO base_vector VALUES (0, ?, 0, ?)", (server, told_sum(0)))
        values: dict[str, int | str | None] = dict.fromkeys(META, 0)
        values |= {
            "format": FORMAT, "cluster": "", "name": None, "base_group": "", "base_digest": "", "clean": 1,
            "link": int.from_bytes(files.token()) >> 2, "device": about.st_dev, "inode": about.st_ino,
        }  # fmt: skip
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?, ?)",
            [(key, value, told_sum(key, value)) for key, value in values.items()],
        )
        connection.execute("COMMIT")
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise sqlite3.OperationalError("SQLite can keep no write-ahead log there")
    finally:
        connection.close()
    files.rename(making, path)
    files.sync_folder(parent_of(path))


def look(files: Files, path: str, note: Note | None, *, moved: bool, migrations: Migrations) -> None:
    """Look at a file that is there before it is opened. Raises StorageDamaged, StorageForeign, LostMemory,
    sqlite3.Error; BadSum, TypeError, ValueError or LookupError for one that is damaged."""
    head = OpenFile(files, path)
    try:
        if head.head(len(WORD)) != WORD:
            raise StorageDamaged(f"{path} is no database of SQLite; {REMEDY}")
    finally:
        head.close()
    connection = connect(path, is_read_only=True)
    try:
        database = Database(path, connection)
        version = version_of(database)
        if version > FORMAT or version < min(migrations, default=FORMAT):
            raise StorageForeign(
                f"{path} is of format {version}, and this version of bayou reads format {FORMAT}: use the "
                "version that wrote it, or a newer one"
            )
        database.read_meta()
        if note is None or note.link != database.number("link"):
            note = None
        elif note.transactions > database.number("transactions"):
            raise LostMemory(
                f"{path} is older than what its server has told others already: it has had "
                f"{database.number('transactions')} transactions, and {path}-lock knows of "
                f"{note.transactions}; put the newest copy back, with its log {path}-wal, or, where there is "
                f"none, {REMEDY}"
            )
        _refuse_copy(database, moved=moved)
        if note is None or note.transactions < database.number("transactions"):
            _refuse_broken_log(files, path)
        if version == FORMAT:
            check(database, note)
        if os.stat(path).st_size <= CHECKED_BYTES:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != ("ok",):
                raise BadSum(f"SQLite says: {found[0]}")
    finally:
        connection.close()


def version_of(database: Database) -> int:
    """Return the format of a file. StorageForeign where it is not the file of a replica."""
    path = database.path
    if database.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        raise StorageForeign(f"{path} is a database of another program: name another file")
    (version,) = database.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    if type(version) is not int:
        raise BadSum("its format is no number")
    return version


def _refuse_copy(database: Database, *, moved: bool) -> None:
    """Raise StorageForeign where a file is a backup, or was copied from another place."""
    path = database.path
    if "backup" in database.meta:
        raise StorageForeign(
            f"{path} is a backup, whose server may have gone on since: `bayou restore {path} FILE` makes a "
            "new server of it"
        )
    about = os.stat(path)
    if (about.st_dev, about.st_ino) != (database.number("device"), database.number("inode")) and not moved:
        raise StorageForeign(
            f"{path} was copied: two servers would go by one name. If it was moved, and nothing runs or will "
            "run from where it was, start it with --moved; otherwise `bayou rejoin FILE --join HOST:PORT` "
            "makes a new server of it"
        )


def _refuse_broken_log(files: Files, path: str) -> None:
    """Raise StorageDamaged where the log of SQLite is damaged before its end, which SQLite passes over."""
    log = f"{path}-wal"
    try:
        file = OpenFile(files, log)
    except FileNotFoundError:
        return
    try:
        at = broken_at(file.content())
    finally:
        file.close()
    if at is not None:
        raise StorageDamaged(f"{log} is damaged at byte {at}, and there is more behind it; {REMEDY}")


def check(database: Database, note: Note | None) -> None:
    """Look at what can be told of a file without reading all of it. BadSum, which says what is wrong."""
    meta = database.meta
    for key, kinds in META.items():
        if not isinstance(meta.get(key, meta), kinds):
            raise BadSum(f"{key} in meta is {'missing' if key not in meta else repr(meta[key])}")
    past = FilePast(database)
    csn = csn_of(past)
    if not past.omitted_csn <= past.base.csn <= csn:
        raise BadSum(f"its log has the CSNs {past.omitted_csn} to {csn}, and its base has {past.base.csn}")
    if not 0 <= past.marks_from <= past.base.csn:
        raise BadSum(f"marks were dropped up to {past.marks_from}, and its base has {past.base.csn}")
    _check_count(database, past.omitted_csn, csn)
    one = database.execute
    (last,) = one("SELECT max(csn) FROM rows").fetchone()
    if last is not None and last > past.base.csn:
        raise BadSum(f"there is a row of CSN {last}, and its base has {past.base.csn}")
    (mark,) = one("SELECT min(csn) FROM rows WHERE value IS NULL").fetchone()
    if mark is not None and mark <= past.marks_from:
        raise BadSum(f"there is a mark of CSN {mark}, and they were dropped up to {past.marks_from}")
    wrong = wrong_boundary(past, csn)
    if wrong is not None:
        raise BadSum(wrong)
    name = name_of_server(past)
    if note is not None and name is not None:
        own_stamp = own_stamp_of(past, name)
        if note.csn > csn or note.own_stamp > own_stamp:
            raise LostMemory(
                f"{database.path} has CSN {csn} and the own stamp {own_stamp}, and {database.path}-lock "
                f"knows of {note.csn} and {note.own_stamp}; {REMEDY}"
            )


def csn_of(past: FilePast) -> int:
    """Return the CSN of the last committed write of a file."""
    (last,) = past.database.execute("SELECT max(csn) FROM committed").fetchone()
    return past.base.csn if last is None else int(last)


def wrong_boundary(past: FilePast, csn: int) -> str | None:
    """Return what is wrong with the boundary of a file whose last write has that CSN, None where nothing is.
    While the group has one member, any CSN is a boundary."""
    group, epoch = group_of(past)
    kept = past.database.number("boundary")
    boundary = max(kept, epoch)
    if 0 <= kept <= csn and (len(group) == 1 or past.base.csn <= boundary):
        return None
    return f"its last decree ends at {boundary}, its base has {past.base.csn}, and its last write {csn}"


def group_of(past: FilePast) -> tuple[ServerNames, int]:
    """Return the commit group that the log of a file names, and its epoch."""
    group, epoch = past.base.group, past.base.epoch
    for csn, *row in past.database.execute(
        "SELECT csn, stamp, server, kind, collection, key, value, sum FROM committed "
        "WHERE csn > ? AND kind IN (?, ?) AND value IS NOT NULL ORDER BY csn",
        (past.base.csn, RETIREMENT, GROUP),
    ):
        members = members_made(past.servers.write_of(csn, *row), epoch)
        if members is not None:
            group, epoch = members, csn
    return group, epoch


def _check_count(database: Database, omitted_csn: int, csn: int) -> None:
    """See that no write is missing between the two."""
    (first,) = database.execute("SELECT min(csn) FROM committed").fetchone()
    if csn > omitted_csn and first != omitted_csn + 1:
        raise BadSum(f"its log begins with {first}, and {omitted_csn} writes were let go of")
    due = csn - omitted_csn
    if due <= COUNTED_MAX:
        (count,) = database.execute("SELECT count(*) FROM committed").fetchone()
        if count != due:
            raise BadSum(f"its log has {count} writes, where {due} are due")
        return
    for at in range(omitted_csn + 1, csn, due // PROBES):
        if database.execute("SELECT 1 FROM committed WHERE csn = ?", (at,)).fetchone() is None:
            raise BadSum(f"the write of CSN {at} is missing")


def name_of_server(past: FilePast) -> Name | None:
    """Return the name that the server of a file has, None where it has none yet."""
    name = past.database.meta["name"]
    return None if name is None else name_of(past.database.text("name"))


def own_stamp_of(past: FilePast, name: Name) -> int:
    """Return the largest stamp that the server of a file has given, as far as the file tells: STAMP_CEILING
    where it has retired."""
    known = min(past.base.vector.completed(name), STAMP_CEILING)
    found = past.database.execute(
        "SELECT id FROM servers WHERE name = ?", (past.database.meta["name"],)
    ).fetchone()
    for table, which in (("committed", f"csn > {past.base.csn} AND"), ("tentative", "")):
        (stamp,) = past.database.execute(
            f"SELECT max(stamp) FROM {table} WHERE {which} server = ?", found or (0,)
        ).fetchone()
        known = max(known, stamp or 0)
    return known


def begin(database: Database, *, migrations: Migrations) -> None:
    """Let a file that was looked at be used: bring it to the present format, write again what only the cache
    of the system may have, and count the start, which shows that the disk takes writes."""
    version = version_of(database)
    if version < FORMAT:
        database.begin()
        while version < FORMAT:
            try:
                migrations[version](database.connection)
            except Unmigrated as error:
                raise StorageForeign(f"{database.path} {error}") from error
            version += 1
        database.read_meta()
        database.set_meta(format=FORMAT)
        check(database, None)
        database.commit()
    (is_busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise InUse(f"{database.path} is held by another program, the shell of SQLite say: end that one")
    database.read_meta()
    about = os.stat(database.path)
    database.begin()
    database.set_meta(
        starts=database.number("starts") + 1,
        clean=0,
        device=about.st_dev,
        inode=about.st_ino,
        transactions=database.number("transactions") + 1,
    )
    database.commit()
