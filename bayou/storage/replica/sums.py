"""Rows of the file of a replica as Python has them, and back: short numbers for servers, odd bytes, and sums.

A sum is the CRC-32 of the other fields of a row, with the name of its server in full: SQLite notices a
damaged page, and this a damaged value, or a server that has become another one. It is worked out from the
server's name first, so that a write which is committed keeps the sum that it had while it was tentative,
continued with its CSN.

Bytes that are no UTF-8 are lone surrogates to Python (PEP 383). They are kept as ``surrogatepass`` writes
them, three bytes each, since SQLite, which compares bytes, then sorts texts as Python sorts them: by code
point. SQLite takes them as blobs that are cast to texts.
"""

from __future__ import annotations

from binascii import crc32
from json import loads

from bayou.core.name import ROOT, Name
from bayou.core.values import canonical
from bayou.core.write import RETIREMENT, Write
from bayou.storage.store import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection
    from typing import Any

    from bayou.core.past import BaseRow, Result

    Bound = str | bytes | None
    WriteRow = tuple[int, int, int, str, Bound, Bound, int]
    """A row of ``tentative``; one of ``committed`` has the CSN in front of it."""


class BadSum(StorageError):
    """A row is not as it was written. Whoever reads it says in which file."""


def name_text(name: Name) -> str:
    """Return a name as a text: its stamps, own stamp first; nothing for the root.

    >>> name_text(Name.of((5, 3))), name_text(ROOT)
    ('5.3', '')
    """
    return ".".join(map(str, name.stamps))


def name_of(text: str) -> Name:
    """Return the name that a text stands for; ValueError where it is none.

    >>> name_of("5.3")
    <5,3>
    """
    return Name.of(tuple(map(int, text.split(".")))) if text else ROOT


def bound(text: str | None) -> Bound:
    """Return a text as it is bound: as bytes where it has lone surrogates."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def encoded(text: str) -> bytes:
    """Return a text as the file has it."""
    return text.encode("utf-8", "surrogatepass")


def told_sum(*fields: object, start: int = 0) -> int:
    """Return the sum of a few plain fields."""
    return crc32(encoded(repr(fields)), start)


def csn_sum(csn: int, sum: int) -> int:
    """Return the sum of a committed write, given that of the write."""
    return crc32(b"%d" % csn, sum)


def row_sum(collection: str, key: str, value: str | None, csn: int) -> int:
    """Return the sum of a row of a base."""
    told = f"{csn} {collection} {len(key)} {key}"
    return crc32(encoded(told if value is None else f"{told}={value}"))


def base_row(row: BaseRow) -> tuple[str, Bound, Bound, int, int]:
    """Return a row of ``rows`` or ``incoming``."""
    collection, key, value, csn = row
    return collection, bound(key), bound(value), csn, row_sum(collection, key, value, csn)


def row_of(collection: str, key: str, value: Any, csn: int, sum: int) -> BaseRow:
    """Return the row that stands there; BadSum where it is damaged."""
    if row_sum(collection, key, value, csn) != sum:
        raise BadSum(f"the row {collection}/{key[:40]} of CSN {csn} is damaged: its sum is wrong")
    return collection, key, value, csn


def result_row(csn: int, result: Result) -> tuple[int, int, Bound, int]:
    """Return a row of ``results``."""
    outcome, rows = result
    changed = canonical([list(row) for row in rows], 2)
    return csn, outcome, bound(changed), told_sum(csn, outcome, changed)


def result_of(csn: int, outcome: int, changed: str, sum: int) -> Result:
    """Return the result that stands there; BadSum where it is damaged."""
    if told_sum(csn, outcome, changed) != sum:
        raise BadSum(f"the outcome of the write of CSN {csn} is damaged: its sum is wrong")
    return outcome, tuple((collection, key) for collection, key in loads(changed))


class Servers:
    """The servers that the file has short numbers for, with all that comes of a name worked out once.

    ``met_odd_bytes`` becomes true with a write that has bytes to bind where there are texts otherwise.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: dict[Name, tuple[int, int]] = {}
        self._names: dict[int, tuple[Name, int]] = {}
        self.met_odd_bytes = False

    def number(self, server: Name) -> tuple[int, int]:
        """Return the number of a server, a new one where it has none yet (within a transaction then), and the
        sum of its name."""
        known = self._numbers.get(server)
        if known is not None:
            return known
        text = name_text(server)
        found = self._connection.execute("SELECT id FROM servers WHERE name = ?", (text,)).fetchone()
        if found is None:
            self._connection.execute("INSERT INTO servers (name) VALUES (?)", (text,))
            found = self._connection.execute("SELECT last_insert_rowid()").fetchone()
        (number,) = found
        sum = crc32(text.encode())
        self._names[number] = server, sum
        self._numbers[server] = number, sum
        return number, sum

    def name(self, number: int) -> tuple[Name, int]:
        """Return the server with that number, and the sum of its name. BadSum where there is none."""
        known = self._names.get(number)
        if known is not None:
            return known
        found = self._connection.execute("SELECT name FROM servers WHERE id = ?", (number,)).fetchone()
        if found is None:
            raise BadSum(f"a row names server number {number}, which is not there")
        text: str = found[0]
        known = self._names[number] = name_of(text), crc32(text.encode())
        self._numbers[known[0]] = number, known[1]
        return known

    def write_row(self, write: Write) -> WriteRow:
        """Return a row of ``tentative``: the last field is its sum."""
        stamp, server, kind, collection, key, value = write
        number, sum = self._numbers.get(server) or self.number(server)
        text: str | None = name_text(value) if isinstance(value, Name) else value
        told = f"{stamp} {kind} {collection} {len(key)} {key}"
        if text is not None:
            told = f"{told}={text}"
        try:
            data = told.encode()
        except UnicodeEncodeError:
            self.met_odd_bytes = True
            return stamp, number, kind, collection, bound(key), bound(text), crc32(encoded(told), sum)
        return stamp, number, kind, collection, key, text, crc32(data, sum)

    def write_of(
        self,
        csn: int,
        stamp: int,
        number: int,
        kind: int,
        collection: str,
        key: str,
        value: Any,
        sum: int,
    ) -> Write:
        """Return the write of a row of ``tentative``, or of ``committed`` where ``csn`` is not 0. BadSum
        where it is damaged."""
        server, found = self._names.get(number) or self.name(number)
        told = f"{stamp} {kind} {collection} {len(key)} {key}"
        if value is not None:
            told = f"{told}={value}"
        found = crc32(encoded(told), found)
        if csn:
            found = csn_sum(csn, found)
        if found != sum:
            what = f"the write of CSN {csn}" if csn else f"the tentative write ({stamp} {server})"
            raise BadSum(f"{what} is damaged: its sum is wrong")
        if kind == RETIREMENT and value is not None:
            value = name_of(value)
        return Write(stamp, server, kind, collection, key, value)
