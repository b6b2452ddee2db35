"""What tables the file of a replica has, and how an older format becomes the present one.

Every row but those of ``servers`` has a ``sum``: see bayou.storage.replica.sums. ``incoming`` takes the place
of ``rows`` when a base is installed, so both are made in the same way, under two sets of names for their
indexes.
"""

from __future__ import annotations

from bayou.core.write import RETIREMENT
from bayou.storage.replica.sums import BadSum, Servers, name_text, told_sum
from bayou.storage.store import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from sqlite3 import Connection
    from typing import Any

    Migrations = Mapping[int, Callable[[Connection], None]]

APPLICATION_ID = 0x62617972
FORMAT = 3

FIRST = ("a", "b")
"""Which set of index names ``rows`` has at first, and which ``incoming``."""


def rows_table(name: str, indexes: str) -> tuple[str, ...]:
    """Return the statements that make ``rows`` or ``incoming``."""
    columns = (
        "collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT, csn INTEGER NOT NULL, sum INTEGER NOT NULL"
    )
    return (
        f"CREATE TABLE {name} ({columns}, PRIMARY KEY (collection, key)) WITHOUT ROWID",
        f"CREATE INDEX by_csn_{indexes} ON {name} (csn, collection, key)",
        f"CREATE INDEX marks_{indexes} ON {name} (csn) WHERE value IS NULL",
    )


_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value, sum INTEGER NOT NULL) WITHOUT ROWID"
_SERVERS = "CREATE TABLE servers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"
_WRITE = (
    "stamp INTEGER NOT NULL, server INTEGER NOT NULL, kind INTEGER NOT NULL, collection TEXT NOT NULL, "
    "key TEXT NOT NULL, value TEXT, sum INTEGER NOT NULL"
)
_COMMITTED = f"CREATE TABLE committed (csn INTEGER PRIMARY KEY, {_WRITE})"
_TENTATIVE = f"CREATE TABLE tentative ({_WRITE}, PRIMARY KEY (stamp, server)) WITHOUT ROWID"
_BASE_VECTOR = (
    "CREATE TABLE base_vector (place INTEGER PRIMARY KEY, server INTEGER NOT NULL UNIQUE, "
    "stamp INTEGER NOT NULL, sum INTEGER NOT NULL)"
)
_INCOMING_META = (
    "CREATE TABLE incoming_meta (since INTEGER NOT NULL, csn INTEGER NOT NULL, collection TEXT NOT NULL, "
    "key TEXT NOT NULL, seen INTEGER NOT NULL, floor INTEGER NOT NULL, marks_from INTEGER NOT NULL, "
    "sum INTEGER NOT NULL)"
)
_RESULTS = (
    "CREATE TABLE results (csn INTEGER PRIMARY KEY, outcome INTEGER NOT NULL, changed TEXT NOT NULL, "
    "sum INTEGER NOT NULL)"
)
"""What the general writes came to that are folded and not yet truncated."""

_ANSWERS = (
    "CREATE TABLE answers (session PRIMARY KEY, number NOT NULL, stamp INTEGER NOT NULL, "
    "server INTEGER NOT NULL, turn INTEGER NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID"
)
_FACTS = (
    "CREATE TABLE facts (place INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, "
    "body BLOB NOT NULL, sum INTEGER NOT NULL, UNIQUE (kind, key))"
)
_ADDRESSES = (
    "CREATE TABLE addresses (server INTEGER PRIMARY KEY, version INTEGER NOT NULL, text TEXT NOT NULL, "
    "sum INTEGER NOT NULL)"
)
SCHEMA = (
    _META, _SERVERS, _COMMITTED, _TENTATIVE, *rows_table("rows", FIRST[0]), _BASE_VECTOR,
    *rows_table("incoming", FIRST[1]), _INCOMING_META, _RESULTS, _ANSWERS, _FACTS, _ADDRESSES,
)  # fmt: skip

META: dict[str, type | tuple[type, ...]] = {
    "format": int,
    "cluster": str,
    "name": (str, type(None)),
    "link": int,
    "starts": int,
    "clean": int,
    "member": int,
    "omitted_csn": int,
    "base_csn": int,
    "base_group": str,
    "base_epoch": int,
    "boundary": int,
    "decided": int,
    "base_clock": int,
    "base_digest": str,
    "marks_from": int,
    "transactions": int,
    "device": int,
    "inode": int,
}
"""The keys of ``meta``, and what their values are. ``name`` is NULL as long as the server has none; a backup
has ``backup`` too. ``decided`` is 1 where the server was ever in the commit group, the primary say, as far
as that is folded."""


class Unmigrated(StorageError):
    """A file lacks what the next format needs. Whoever migrates says which file."""


def _add_general_writes(connection: Connection) -> None:
    """From format 1 to 2: general writes, of which a file of format 1 has none."""
    connection.execute(_RESULTS)
    _put_meta(connection, "base_digest", "")


def _add_group(connection: Connection) -> None:
    """From format 2 to 3: the commit group, which is the primary alone in a file of format 2."""
    primary, base_csn, omitted_csn = (
        _meta(connection, key) for key in ("base_primary", "base_csn", "omitted_csn")
    )
    csn, heir = _last_heir(connection, base_csn)
    if (heir or primary) != primary or (omitted_csn == 0 and heir is None and primary):
        raise BadSum(f"its base names {primary!r} as the primary, and its log {heir!r}")
    if primary and heir is None and _last_heir(connection)[1] is None:
        # All servers must go by one epoch, and nothing here tells which it is.
        raise Unmigrated(
            "is of format 2, and its log goes back no further than to a change of the primary that its "
            "server must know of: with the version that wrote it, run all servers with --keep-writes all, "
            "let the primary retire, so that another one takes over its duty, and then use this version; or "
            "let a new server join in place of this one"
        )
    connection.execute("DELETE FROM meta WHERE key = 'base_primary'")
    _put_meta(connection, "base_group", primary)
    _put_meta(connection, "base_epoch", csn)
    _put_meta(connection, "boundary", 0)
    _put_meta(connection, "decided", int(_meta(connection, "name") in ("", primary)))


def _last_heir(connection: Connection, upto: int | None = None) -> tuple[int, str | None]:
    """Return the CSN of the last retirement in the log, up to some CSN, that names an heir, and the heir; 0
    and None where there is none, or it is let go of."""
    found = connection.execute(
        "SELECT csn, stamp, server, kind, collection, key, value, sum FROM committed WHERE kind = ? "
        "AND value IS NOT NULL AND csn <= coalesce(?, csn) ORDER BY csn DESC LIMIT 1",
        (RETIREMENT, upto),
    ).fetchone()
    if found is None:
        return 0, None
    write = Servers(connection).write_of(*found)
    return found[0], None if write.heir is None else name_text(write.heir)


def _meta(connection: Connection, key: str) -> Any:
    found = connection.execute("SELECT value, sum FROM meta WHERE key = ?", (key,)).fetchone()
    if found is None or told_sum(key, found[0]) != found[1]:
        raise BadSum(f"what it says of {key} in meta is missing, or has a wrong sum")
    return found[0]


def _put_meta(connection: Connection, key: str, value: int | str) -> None:
    connection.execute("INSERT INTO meta VALUES (?, ?, ?)", (key, value, told_sum(key, value)))


MIGRATIONS: Migrations = {1: _add_general_writes, 2: _add_group}
"""For each older format what makes the next one of it, within a transaction that its caller commits,
``format`` in ``meta`` aside."""
