"""The connection to the file of a replica: transactions, and what its errors mean."""

from __future__ import annotations

import sqlite3
from functools import partial

from bayou.storage.replica.sums import BadSum, told_sum
from bayou.storage.store import InUse, StorageDamaged, StorageError, StorageFailed, StorageFull, failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, NoReturn, ParamSpec, Protocol, TypeVar

    class HasDatabase(Protocol):
        @property
        def database(self) -> Database: ...

    Owner = TypeVar("Owner", bound=HasDatabase)
    Given = ParamSpec("Given")
    Result = TypeVar("Result")
    Method = Callable[Concatenate[Owner, Given], Result]

    MetaValue = int | str | None

BUSY_S = 5.0
"""How long a program that looks into the file, the shell of SQLite say, may hold things up."""

CACHE_KIB = 8192
LOG_PAGES = 4000
"""With how many pages in its log SQLite brings them into the database. Folding changes the same pages again
and again: with four times the usual number a fifth less is written."""

LOG_BYTES = LOG_PAGES * 4096
"""How large the log of SQLite stays, once all of it is in the database."""

REMEDY = (
    "put nothing back from an older copy: `bayou doctor FILE` says what is wrong, and `bayou rejoin FILE "
    "--join HOST:PORT` or `bayou restore BACKUP FILE` makes a new server of what there is"
)

PRAGMAS = (
    "synchronous = FULL",
    "fullfsync = 1",
    "foreign_keys = 0",
    "trusted_schema = 0",
    "secure_delete = 0",  # some builds have it on, and write zeros over whatever is deleted
    "cell_size_check = 1",
    "temp_store = MEMORY",
    f"wal_autocheckpoint = {LOG_PAGES}",
    f"journal_size_limit = {LOG_BYTES}",
    f"cache_size = -{CACHE_KIB}",
)

_FAILED = (
    "SQLITE_IOERR",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_NOMEM",
    "SQLITE_PERM",
    "SQLITE_NOLFS",
)


def connect(path: str, *, is_read_only: bool = False) -> sqlite3.Connection:
    """Return a connection to the file, whose texts may have odd bytes. With ``is_read_only`` it leaves all
    that it finds as it is, even when it is closed. sqlite3.Error where that can't be done."""
    mode = "ro" if is_read_only else "rw"
    connection = sqlite3.connect(
        f"file:{quoted(path)}?mode={mode}",
        timeout=BUSY_S,
        isolation_level=None,
        cached_statements=256,
        check_same_thread=False,
        uri=True,
    )
    try:
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogatepass")
        for line in PRAGMAS:
            connection.execute(f"PRAGMA {line}")
    except BaseException:
        connection.close()
        raise
    return connection


def quoted(path: str) -> str:
    """Return a path as it stands in a URI.

    >>> quoted("a b/c?.bayou")
    'a%20b/c%3f.bayou'
    """
    return "".join(
        chr(byte) if (byte < 128 and chr(byte).isalnum()) or byte in b"/._-" else f"%{byte:02x}"
        for byte in path.encode("utf-8", "surrogateescape")
    )


def told(path: str, error: BaseException) -> StorageError:
    """Return what to say of an error that came while the file was read or written."""
    if isinstance(error, StorageError) and not isinstance(error, BadSum):
        return error
    if isinstance(error, OSError):
        return failure(path, error)
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return InUse(f"{path} is held by another program, the shell of SQLite say: end that one")
    if name.startswith("SQLITE_FULL"):
        return StorageFull(f"{path}: there is no room left; make room there, then start the server again")
    if name.startswith(_FAILED):
        return StorageFailed(
            f"{path} can't be used: {error} ({name}); make room, or see to the disk, then start the server "
            "again"
        )
    return StorageDamaged(f"{path} is damaged: {error}; {REMEDY}")


class Database:
    """The one connection of a process to the file, and its transaction, which begins where something is to be
    changed. After an error there is no going on: every later call raises it again."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.failure: StorageError | None = None
        self.meta: dict[str, MetaValue] = {}

    @property
    def in_transaction(self) -> bool:
        """Whether something was changed that is not durable yet."""
        return self.connection.in_transaction

    def begin(self) -> None:
        """Begin a transaction unless there is one."""
        if not self.connection.in_transaction:
            self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make all that was changed durable."""
        self.execute("COMMIT")

    def read_meta(self) -> None:
        """Read all of ``meta``. BadSum where a row of it is damaged."""
        self.meta = {}
        for key, value, sum in self.execute("SELECT key, value, sum FROM meta"):
            if told_sum(key, value) != sum:
                raise BadSum(f"what it says of {str(key)[:40]} in meta has a wrong sum")
            self.meta[key] = value

    def set_meta(self, **values: MetaValue) -> None:
        """Change values of ``meta``, within the transaction that there is."""
        for key, value in values.items():
            if self.meta.get(key, self) != value:
                self.execute(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, value, told_sum(key, value))
                )
                self.meta[key] = value

    def number(self, key: str) -> int:
        """Return a whole number of ``meta``."""
        value = self.meta[key]
        if type(value) is not int:
            raise BadSum(f"{key} in meta is {value!r}")
        return value

    def text(self, key: str) -> str:
        """Return a text of ``meta``."""
        value = self.meta[key]
        if type(value) is not str:
            raise BadSum(f"{key} in meta is {value!r}")
        return value

    def fail(self, error: BaseException, *, is_change: bool) -> NoReturn:
        """Let nothing more be read or written, and tell why."""
        if isinstance(error, sqlite3.Error | OSError | StorageError) or not is_change:
            self.failure = told(self.path, error)
            self.roll_back()
            raise self.failure from error
        # An interrupt, say, or a mistake of ours.
        self.failure = StorageFailed(
            f"{self.path}: a change was broken off ({error!r}); start the server again"
        )
        self.roll_back()
        raise error

    def roll_back(self) -> None:
        """Undo what is not durable yet."""
        try:
            if self.connection.in_transaction:
                self.connection.rollback()
        except sqlite3.Error:
            pass  # SQLite has done so itself, or the next process will

    def close(self) -> None:
        """Close the connection; what is not durable yet is undone."""
        self.roll_back()
        try:
            self.connection.close()
        except sqlite3.Error:
            pass


def _named(
    guarded: Method[Owner, Given, Result], method: Method[Owner, Given, Result]
) -> Method[Owner, Given, Result]:
    """Let a method in a guard look like the method."""
    for what in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(guarded, what, getattr(method, what))
    return guarded


def reading(method: Method[Owner, Given, Result]) -> Method[Owner, Given, Result]:
    """Let a method that reads the file say what its errors mean: a row that Python makes nothing of is
    damaged too."""

    def guarded(self: Owner, /, *values: Given.args, **named: Given.kwargs) -> Result:
        database = self.database
        if database.failure is not None:
            raise database.failure
        try:
            return method(self, *values, **named)
        except (sqlite3.Error, OSError, StorageError) as error:
            database.fail(error, is_change=False)
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            database.fail(error, is_change=False)

    return _named(guarded, method)


def changing(method: Method[Owner, Given, Result]) -> Method[Owner, Given, Result]:
    """Let a method run within the transaction, which begins with it; whatever it raises ends all."""

    def guarded(self: Owner, /, *values: Given.args, **named: Given.kwargs) -> Result:
        database = self.database
        if database.failure is not None:
            raise database.failure
        try:
            database.begin()
            return method(self, *values, **named)
        except BaseException as error:
            database.fail(error, is_change=True)

    return _named(guarded, method)
