"""The past of a replica in its file: see bayou.core.past, whose twin in memory does the same.

What changes it is carried out at once, within the transaction of the turn, which ``ReplicaFile.keep``
commits.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.name import Name
from bayou.core.past import Base, BasePosition, Incoming, row_size, write_size
from bayou.core.vector import VersionVector
from bayou.core.write import GROUP, RETIREMENT
from bayou.storage.replica.database import changing, reading
from bayou.storage.replica.schema import FIRST, rows_table
from bayou.storage.replica.sums import (
    BadSum,
    Servers,
    base_row,
    bound,
    name_of,
    name_text,
    result_of,
    result_row,
    row_of,
    told_sum,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bayou.core.name import ServerNames
    from bayou.core.past import BaseRow, Chunk, Place, Result, Results
    from bayou.core.rows import Collection
    from bayou.core.write import Write
    from bayou.storage.replica.database import Database
    from bayou.storage.replica.sums import Bound
STAMP_CEILING = 1 << 62
"""Above every stamp, and within what SQLite can keep."""

PUT_ROWS = (
    "INSERT INTO {} VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?) ON CONFLICT DO UPDATE SET "
    "value = excluded.value, csn = excluded.csn, sum = excluded.sum"
)

_ROWS_AFTER = (
    "SELECT place.collection, place.key, found.value, place.csn, found.sum FROM rows AS place "
    "LEFT JOIN rows AS found ON found.collection = place.collection AND found.key = place.key "
    "WHERE (place.csn, place.collection, place.key) > (?, CAST(? AS TEXT), CAST(? AS TEXT)) "
    "ORDER BY place.csn, place.collection, place.key LIMIT ?"
)
"""A row that an index names and that is not there has no sum, where SQLite by itself would leave it out."""


class FilePast:
    """A past in a file. ``kept_csn``: up to which CSN the writes are durable; ``tentative_count``: how many
    tentative writes the file has."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.servers = Servers(database.connection)
        self.omitted_csn = database.number("omitted_csn")
        self.marks_from = database.number("marks_from")
        self.base = self._read_base()
        self.incoming = self._read_incoming()
        self.kept_csn = self.base.csn
        self.tentative_count = 0

    # Reading.

    @reading
    def committed(self, start: int, stop: int, characters_max: int) -> list[Write]:
        require(self.omitted_csn <= start, f"the writes after {start} are gone up to {self.omitted_csn}")
        write_of = self.servers.write_of
        found: list[Write] = []
        rows = self.database.execute(
            "SELECT csn, stamp, server, kind, collection, key, value, sum FROM committed "
            "WHERE csn > ? AND csn <= ? ORDER BY csn",
            (start, stop),
        )
        csn = start
        for at, *row in rows:
            csn += 1
            if at != csn:
                raise BadSum(f"the write of CSN {csn} is missing")
            write = write_of(csn, *row)
            characters_max -= write_size(write)
            if characters_max < 0 and found:
                break
            found.append(write)
        else:
            if csn < min(stop, self.base.csn):
                raise BadSum(f"the write of CSN {csn + 1} is missing")
        rows.close()
        return found

    @reading
    def row(self, collection: Collection, key: str) -> BaseRow | None:
        found = self.database.execute(
            "SELECT value, csn, sum FROM rows WHERE collection = ? AND key = CAST(? AS TEXT)",
            (collection, bound(key)),
        ).fetchone()
        return None if found is None else row_of(collection, key, *found)

    @reading
    def rows_after(self, place: Place, rows_max: int, characters_max: int) -> list[BaseRow]:
        csn, collection, key = place
        rows = self.database.execute(_ROWS_AFTER, (csn, bound(collection), bound(key), rows_max))
        found: list[BaseRow] = []
        for row in rows:
            found.append(row_of(*row))
            here = (found[-1][3], found[-1][0], found[-1][1])
            if not place < here:
                raise BadSum(f"the row {here[1]}/{here[2][:40]} of CSN {here[0]} stands in a wrong place")
            place = here
            characters_max -= row_size(found[-1])
            if characters_max < 0:
                if len(found) > 1:
                    found.pop()
                break
        rows.close()
        return found

    @reading
    def rows_under(
        self, collection: Collection, prefix: str, after: str | None, rows_max: int
    ) -> list[BaseRow]:
        first, is_behind = (prefix, ">=") if after is None or after < prefix else (after, ">")
        end = behind_all(prefix)
        rows = self.database.execute(
            f"SELECT collection, key, value, csn, sum FROM rows WHERE collection = ? AND key {is_behind} "
            f"CAST(? AS TEXT) {'' if end is None else 'AND key < CAST(? AS TEXT) '}AND value IS NOT NULL "
            "ORDER BY key LIMIT ?",
            (collection, bound(first), *(() if end is None else (bound(end),)), rows_max),
        )
        found = [row_of(*row) for row in rows]
        keys = [row[1] for row in found]
        if not all(map(str.__lt__, keys, keys[1:])):
            raise BadSum(f"the rows of {collection} are damaged: they stand in a wrong order")
        return found

    @reading
    def collections(self) -> list[Collection]:
        found: list[str] = []
        last = ""
        while True:
            row = self.database.execute(
                "SELECT collection FROM rows WHERE collection > ? AND value IS NOT NULL "
                "ORDER BY collection LIMIT 1",
                (last,),
            ).fetchone()
            if row is None:
                return found
            (last,) = row
            found.append(last)

    @reading
    def csn_of(self, stamp: int, server: Name) -> int | None:
        found = self.database.execute(
            "SELECT csn FROM committed WHERE stamp = ? AND server = (SELECT id FROM servers WHERE name = ?) "
            "AND csn <= ?",
            (stamp, name_text(server), self.base.csn),
        ).fetchone()
        return None if found is None else int(found[0])

    @reading
    def result(self, csn: int) -> Result | None:
        found = self.database.execute(
            "SELECT outcome, changed, sum FROM results WHERE csn = ?", (csn,)
        ).fetchone()
        return None if found is None else result_of(csn, *found)

    @reading
    def mark_csn(self, kept: int) -> int | None:
        """Return the CSN of the newest deletion mark that is not among the ``kept`` newest ones; None where
        there are no more than that."""
        found = self.database.execute(
            "SELECT csn FROM rows WHERE value IS NULL ORDER BY csn DESC LIMIT 1 OFFSET ?", (kept,)
        ).fetchone()
        return None if found is None else int(found[0])

    @reading
    def row_count(self) -> int:
        (rows,) = self.database.execute("SELECT count(*) FROM rows").fetchone()
        (marks,) = self.database.execute("SELECT count(*) FROM rows WHERE value IS NULL").fetchone()
        return int(rows - marks)  # in two indexes, which are smaller than the table

    def _read_base(self) -> Base:
        database = self.database
        entries: dict[Name, int] = {}
        for number, stamp, sum in database.execute(
            "SELECT server, stamp, sum FROM base_vector ORDER BY place"
        ):
            server, start = self.servers.name(number)
            if told_sum(stamp, start=start) != sum:
                raise BadSum(f"the entry of {server} in the base vector is damaged: its sum is wrong")
            entries[server] = stamp
        group = tuple(map(name_of, database.text("base_group").split(" ")))
        epoch = database.number("base_epoch")
        csn, clock, digest = (
            database.number("base_csn"),
            database.number("base_clock"),
            database.text("base_digest"),
        )
        return Base(csn, VersionVector(entries), group, epoch, clock, digest)

    def _read_incoming(self) -> Incoming | None:
        rows = self.database.execute("SELECT * FROM incoming_meta").fetchall()
        if not rows:
            return None
        *told, sum = rows[0]
        if len(rows) > 1 or told_sum(*told) != sum:
            raise BadSum("how far a base has come in is damaged: its sum is wrong")
        return Incoming(BasePosition(*told[:-1]), told[-1])

    # Changing.

    @changing
    def fold(
        self, writes: Sequence[Write], rows: Sequence[BaseRow], base: Base, results: Results = ()
    ) -> None:
        require(self.base.csn + len(writes) == base.csn, "what is folded does not go on from the base")
        require(base.csn <= self.kept_csn, f"{base.csn} is folded, and only {self.kept_csn} is durable")
        for write in writes:
            if write.kind in {RETIREMENT, GROUP}:
                self._note_members(named_in(write))
        self._put_rows("rows", rows)
        self.database.executemany(
            "INSERT INTO results VALUES (?, ?, CAST(? AS TEXT), ?)", [result_row(*each) for each in results]
        )
        self._put_base(base)

    @changing
    def truncate(self, upto: int) -> None:
        require(self.omitted_csn <= upto <= self.base.csn, f"can't truncate to {upto}")
        for table in ("committed", "results"):
            self.database.execute(f"DELETE FROM {table} WHERE csn <= ?", (upto,))
        self.database.set_meta(omitted_csn=upto)
        self.omitted_csn = upto

    @changing
    def drop_marks(self, upto: int) -> None:
        require(self.marks_from <= upto <= self.base.csn, f"can't drop marks up to {upto}")
        self.database.execute("DELETE FROM rows WHERE value IS NULL AND csn <= ?", (upto,))
        self.database.set_meta(marks_from=upto)
        self.marks_from = upto

    @changing
    def receive(self, chunk: Chunk, incoming: Incoming) -> None:
        if chunk.after.is_beginning:
            self.database.execute("DELETE FROM incoming")
        self._put_rows("incoming", chunk.rows)
        position = incoming.position
        told = (*position.place, position.seen, position.floor, incoming.marks_from)
        self.database.execute("DELETE FROM incoming_meta")
        self.database.execute(
            "INSERT INTO incoming_meta VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?)",
            (position.since, told[0], *map(bound, told[1:3]), *told[3:], told_sum(position.since, *told)),
        )
        self.incoming = incoming

    @changing
    def forget_incoming(self) -> None:
        self.database.execute("DELETE FROM incoming")
        self.database.execute("DELETE FROM incoming_meta")
        self.incoming = None

    @changing
    def install(self, base: Base, marks_from: int) -> None:
        execute = self.database.execute
        if self.incoming is not None and self.incoming.position.since:
            execute("INSERT OR REPLACE INTO rows SELECT * FROM incoming ORDER BY collection, key")
            execute("DELETE FROM incoming")
        else:
            self._let_incoming_be_rows()
        execute("DELETE FROM incoming_meta")
        self.incoming = None
        # Another sender of a part may have let go of marks that this one had still told.
        execute("DELETE FROM rows WHERE value IS NULL AND csn <= ?", (marks_from,))
        execute("DELETE FROM committed")
        execute("DELETE FROM results")
        self.database.set_meta(omitted_csn=base.csn, marks_from=marks_from, boundary=base.csn)
        self.omitted_csn, self.marks_from = base.csn, marks_from
        self._put_base(base)
        self._remove_covered(base.vector)

    def _let_incoming_be_rows(self) -> None:
        """Let the rows that came in be all rows, in no time whatever their number."""
        execute = self.database.execute
        indexes = {name for (name,) in execute("SELECT name FROM sqlite_master WHERE tbl_name = 'rows'")}
        free = next(each for each in FIRST if f"by_csn_{each}" in indexes)
        execute("DROP TABLE rows")
        execute("ALTER TABLE incoming RENAME TO rows")
        for line in rows_table("incoming", free):
            execute(line)

    def _remove_covered(self, vector: VersionVector) -> None:
        """Remove the tentative writes that are in the base."""
        for (number,) in self.database.execute("SELECT DISTINCT server FROM tentative").fetchall():
            server, _ = self.servers.name(number)
            self.tentative_count -= self.database.execute(
                "DELETE FROM tentative WHERE server = ? AND stamp <= ?",
                (number, min(vector.completed(server), STAMP_CEILING)),
            ).rowcount

    def _put_rows(self, table: str, rows: Iterable[BaseRow]) -> None:
        put = [base_row(row) for row in rows]
        put.sort(key=_place)
        self.database.executemany(PUT_ROWS.format(table), put)

    def _put_base(self, base: Base) -> None:
        """Let this be the base: of its vector, only what has changed is written."""
        self._note_members(base.group)
        self.database.set_meta(
            base_csn=base.csn,
            base_group=" ".join(map(name_text, base.group)),
            base_epoch=base.epoch,
            base_clock=base.clock,
            base_digest=base.digest,
        )
        before, after = self.base.vector, base.vector
        entries = list(zip(after.names, after.stamps, strict=True))
        if after.names == before.names:
            changed = [at for at, stamp in enumerate(before.stamps) if stamp != entries[at][1]]
        else:
            self.database.execute("DELETE FROM base_vector")
            changed = list(range(len(entries)))
        put = []
        for at in changed:
            server, stamp = entries[at]
            number, sum = self.servers.number(server)
            put.append((at, number, stamp, told_sum(stamp, start=sum)))
        self.database.executemany("INSERT OR REPLACE INTO base_vector VALUES (?, ?, ?, ?)", put)
        self.base = base

    def _note_members(self, members: ServerNames) -> None:
        """Note for good where this server is one of those who commit."""
        if self.database.meta["name"] in [name_text(member) for member in members]:
            self.database.set_meta(decided=1)


def named_in(write: Write) -> ServerNames:
    """Return whom a write names to commit from then on, whether it counts or not."""
    if write.kind == GROUP:
        from bayou.core.group import group_of

        return group_of(str(write.value)).members
    return () if write.heir is None else (write.heir,)


def _place(row: tuple[str, Bound, Bound, int, int]) -> tuple[str, bytes]:
    collection, key, *_ = row
    return collection, key.encode() if isinstance(key, str) else key or b""


def behind_all(prefix: str) -> str | None:
    """Return the first text behind all that begin with a prefix, in the order of code points; None where
    there is none.

    >>> behind_all("ab"), behind_all("a" + chr(0x10FFFF)), behind_all("")
    ('ac', 'b', None)
    """
    for at in range(len(prefix) - 1, -1, -1):
        if ord(prefix[at]) < 0x10FFFF:
            return prefix[:at] + chr(ord(prefix[at]) + 1)
    return None
