"""Batches in a database of SQLite: one file, which other programs can look into.

It works with a write-ahead log and waits for the disk at each transaction. What SQLite passes over in silence
is looked for here: a write-ahead log that is missing, or damaged before its end. Batches are numbered without
gaps, each with a check of its own.

While a process has the database open, ``is_open`` in it is 1: then there has to be a write-ahead log. It has
a second name then, ``-wal-link``: SQLite removes the log where a connection goes that nobody closed, after
all of it is in the database, and that must not look like a log that was lost. To go through it once more
changes nothing.
"""

from __future__ import annotations

from bayou._lean import blake2s
from bayou.storage.files import OpenFile, SystemFiles, parent_of
from bayou.storage.folder import Lock, checked_owner
from bayou.storage.store import (
    REMEDY,
    StorageDamaged,
    StorageFailed,
    StorageForeign,
    StorageInUse,
    StoreBase,
)
from bayou.storage.wal import broken_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from bayou.storage.files import Files

APPLICATION_ID = 0x6261796F
FORMAT = 1
WORD = b"SQLite format 3\0"
CHECK_BYTES = 8
SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE about (owner TEXT NOT NULL, first INTEGER NOT NULL, is_open INTEGER NOT NULL)",
    "CREATE TABLE batches (number INTEGER PRIMARY KEY, batch BLOB NOT NULL, checked BLOB NOT NULL)",
)


class SqliteFile(StoreBase):
    """A store in one database, with ``-wal`` and ``-lock`` beside it while it is open."""

    def __init__(self, path: str, owner: str, *, may_make: bool = True, files: Files | None = None) -> None:
        """``path`` is the database of this node, made where there is none unless ``may_make`` is false;
        ``owner`` a line that says which node of which cluster this is, and never changes."""
        super().__init__(path)
        self._owner = checked_owner(owner)
        self._may_make = may_make
        self._files: Files = files or SystemFiles()
        self._lock: Lock | None = None
        self._database: sqlite3.Connection | None = None
        self._next = 1
        self._is_marked = False

    @property
    def size_bytes(self) -> int:
        """Return the size of the database, without what its write-ahead log has to bring into it."""
        if self._database is None:
            return 0
        (pages,), (size,) = (
            self._database.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
        )
        return int(pages * size)

    def _read(self) -> list[bytes]:
        import sqlite3

        path = self.place
        names = self._files.names(parent_of(path))
        if names is None:
            raise FileNotFoundError(2, "No such folder", parent_of(path))
        self._lock = Lock(self._files, f"{path}-lock", path)
        names = self._files.names(parent_of(path)) or []
        name = path.rpartition("/")[2]
        try:
            if name in names:
                self._prepare_log(names, name)
            else:
                self._make(names, name)
            batches = self._open()
            self._mark()
        except sqlite3.Error as error:
            raise self._told(error) from error
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:  # as for texts that are none
            raise StorageDamaged(f"{path} is damaged: {error}; {REMEDY}") from error
        return batches

    def _append(self, batch: bytes) -> None:
        self._change(batch, is_only=False)

    def _replace(self, batch: bytes) -> None:
        self._change(batch, is_only=True)

    def _change(self, batch: bytes, *, is_only: bool) -> None:
        """Add a batch, in the place of all others if it is to be the only one, in one transaction."""
        import sqlite3

        database, number = self._database, self._next
        if database is None:
            return
        try:
            if is_only:
                database.execute("BEGIN")
                database.execute("DELETE FROM batches")
                database.execute("UPDATE about SET first = ?", (number,))
            database.execute("INSERT INTO batches VALUES (?, ?, ?)", (number, batch, _check(number, batch)))
            if is_only:
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._told(error) from error
        self._next += 1

    def _release(self) -> None:
        import sqlite3

        database, self._database = self._database, None
        if database is not None:
            try:
                if self._is_marked:
                    database.execute("UPDATE about SET is_open = 0")
                database.close()
                if self._is_marked:
                    self._files.remove(f"{self.place}-wal-link")
            except (sqlite3.Error, OSError):
                pass  # all that was acknowledged is in the log, and that has a second name
        if self._lock is not None:
            self._lock.close()

    def _connect(self, path: str) -> sqlite3.Connection:
        import sqlite3

        self._database = database = sqlite3.connect(path, timeout=0, isolation_level=None)
        for line in ("locking_mode = EXCLUSIVE", "synchronous = FULL", "fullfsync = 1", "trusted_schema = 0"):
            database.execute(f"PRAGMA {line}")
        return database

    def _make(self, names: list[str], name: str) -> None:
        """Make the database under another name first: it is there complete, or not at all."""
        path = self.place
        if f"{name}-wal" in names:
            raise StorageDamaged(f"{path} is missing beside its {name}-wal; {REMEDY}")
        if not self._may_make:
            raise StorageDamaged(f"{path} is missing; {REMEDY}")
        making = f"{path}-making"
        for left in names:
            if left.startswith(f"{name}-making"):
                self._files.remove(f"{parent_of(path)}/{left}")
        OpenFile(self._files, making, is_new=True).close()  # for its owner only
        database = self._connect(making)
        for line in SCHEMA:
            database.execute(line)
        database.execute("INSERT INTO about VALUES (?, 1, 0)", (self._owner,))
        database.close()
        self._database = None
        self._files.rename(making, path)
        self._files.sync_folder(parent_of(path))

    def _prepare_log(self, names: list[str], name: str) -> None:
        """Look at the files as they are, before SQLite mends what it takes for the end of its log."""
        import sqlite3

        path, log, link = self.place, f"{self.place}-wal", f"{self.place}-wal-link"
        if self._content(path)[: len(WORD)] != WORD:
            raise StorageDamaged(f"{path} is no database of SQLite; {REMEDY}")
        has_log, has_link = f"{name}-wal" in names, f"{name}-wal-link" in names
        if has_log or has_link:
            at = broken_at(self._content(log if has_log else link))
            if at is not None:
                raise StorageDamaged(f"{log} is damaged at byte {at}, and there is more behind it; {REMEDY}")
            if not has_log:
                self._files.rename(link, log)
                self._files.sync_folder(parent_of(path))
            return
        alone = sqlite3.connect(f"file:{_quoted(path)}?immutable=1", uri=True)
        try:
            self._refuse_stranger(alone)
            (is_open,) = alone.execute("SELECT is_open FROM about").fetchone()
        finally:
            alone.close()
        if is_open:
            raise StorageDamaged(f"{log} is missing, and the database was not closed; {REMEDY}")

    def _content(self, path: str) -> bytes:
        file = OpenFile(self._files, path)
        try:
            return file.content()
        finally:
            file.close()

    def _mark(self) -> None:
        """Say in the database that from now on a log has to be there, and see to that."""
        path, database = self.place, self._database
        if database is None:
            return
        if database.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise StorageFailed(f"{path}: SQLite can keep no write-ahead log there; name another folder")
        database.execute("UPDATE about SET is_open = 1")
        self._is_marked = True
        try:
            self._files.remove(f"{path}-wal-link")
        except FileNotFoundError:
            pass
        self._files.link(f"{path}-wal", f"{path}-wal-link")
        self._files.sync_folder(parent_of(path))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _open(self) -> list[bytes]:
        """Open the database that is there, and return its batches."""
        database = self._connect(self.place)
        self._refuse_stranger(database)
        if database.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise StorageDamaged(f"{self.place} is damaged, says SQLite; {REMEDY}")
        about = database.execute("SELECT owner, first FROM about").fetchall()
        batches = []
        number = self._next = about[0][1]
        for found, batch, checked in database.execute("SELECT * FROM batches ORDER BY number"):
            if found != number or _check(number, batch) != checked:
                raise StorageDamaged(f"{self.place}: batch {number} is missing or damaged; {REMEDY}")
            batches.append(batch)
            number += 1
        self._next = number
        return batches

    def _refuse_stranger(self, database: sqlite3.Connection) -> None:
        """StorageForeign where another program, version or node made the database."""
        path = self.place
        if database.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            raise StorageForeign(f"{path} is a database of another program: name another file")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != FORMAT:
            raise StorageForeign(
                f"{path} is of format {version}, and this version of bayou reads format {FORMAT}: use the "
                "version that wrote it, or a newer one"
            )
        about = database.execute("SELECT owner FROM about").fetchall()
        if len(about) != 1:
            raise StorageDamaged(f"{path} does not say whose it is; {REMEDY}")
        if about[0][0] != self._owner:
            raise StorageForeign(
                f"{path} is for {about[0][0]}, and not for {self._owner}: name the file of this node, or a "
                "new one"
            )

    def _told(self, error: sqlite3.Error) -> Exception:
        """Return what to say of an error of SQLite."""
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StorageInUse(f"{self.place} is in use by another program: end that one")
        if name.startswith(
            ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_NOMEM")
        ):
            return StorageFailed(
                f"{self.place} can't be used: {error}; make room, or see to the disk, then start the node "
                "again"
            )
        return StorageDamaged(f"{self.place} is damaged: {error}; {REMEDY}")


def _check(number: int, batch: bytes) -> bytes:
    return blake2s(batch, digest_size=CHECK_BYTES, salt=number.to_bytes(8, "big")).digest()


def _quoted(path: str) -> str:
    """Return a path as it stands in a URI."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"/._-" else f"%{byte:02x}"
        for byte in path.encode()
    )
