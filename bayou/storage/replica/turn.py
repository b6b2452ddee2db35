"""What a turn brings into the log of a file: accepted writes, and commitments.

A commitment never rewrites a row. A write that is tentative in the file moves to ``committed`` within SQLite;
one that came and was committed within the same turn goes there at once.
"""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.write import NOTICE
from bayou.storage.replica.sums import csn_sum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.items import Items
    from bayou.core.name import Name
    from bayou.storage.replica.database import Database
    from bayou.storage.replica.sums import Servers, WriteRow

BULK = 64
"""From so many commit notices on it pays to find out whether they are for all writes that are tentative."""

_COMMIT = "INSERT INTO committed VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ADD = "INSERT INTO tentative VALUES (?, ?, ?, ?, ?, ?, ?)"
_COMMIT_ODD = "INSERT INTO committed VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)"
_ADD_ODD = "INSERT INTO tentative VALUES (?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)"
_MOVE = (
    "INSERT INTO committed SELECT ?1, stamp, server, kind, collection, key, value, csn_sum(?1, sum) "
    "FROM tentative WHERE stamp = ?2 AND server = ?3"
)
_REMOVE = "DELETE FROM tentative WHERE stamp = ?2 AND server = ?3 AND ?1"
# It begins with INSERT: Python 3.11 counts the rows of no statement that begins with WITH.
_MOVE_ALL = (
    "INSERT INTO committed SELECT csn, stamp, server, kind, collection, key, value, csn_sum(csn, sum) "
    "FROM (SELECT ?1 + row_number() OVER (ORDER BY stamp) AS csn, * FROM tentative)"
)


class Turn:
    """Collects the items of a turn, then writes them with few statements. ``csn``: that of the last write;
    ``own_stamp``: the largest stamp of the server called ``name``; ``tentative_count``: how many tentative
    writes the file has."""

    def __init__(
        self, database: Database, servers: Servers, csn: int, name: Name | None, own_stamp: int, count: int
    ) -> None:
        self.csn = csn
        self.name = name
        self.own_stamp = own_stamp
        self.tentative_count = count
        self._database = database
        self._servers = servers
        self._committed: list[tuple[int, ...]] = []
        self._tentative: dict[tuple[int, int], WriteRow] = {}
        self._moves: list[tuple[int, int, int]] = []
        servers.met_odd_bytes = False

    def add(self, items: Items) -> None:
        """Take in items, which go on from those before them."""
        servers, name, own_stamp, csn = self._servers, self.name, self.own_stamp, self.csn
        committed = self._committed
        require(not items.committed or items.csn == csn, f"items from {items.csn} on, where {csn} is reached")
        for write in items.committed:
            csn += 1
            if write.server is name and write.stamp > own_stamp:
                own_stamp = write.stamp
            if write.kind != NOTICE:
                row = servers.write_row(write)
            else:
                number, _ = servers.number(write.server)
                met = self._tentative.pop((write.stamp, number), None)
                if met is None:
                    self._moves.append((csn, write.stamp, number))
                    continue
                row = met
            committed.append((csn, *row[:6], csn_sum(csn, row[6])))  # type: ignore[arg-type]
        for write in items.tentative:
            if write.server is name and write.stamp > own_stamp:
                own_stamp = write.stamp
            row = servers.write_row(write)
            self._tentative[row[0], row[1]] = row
        self.csn, self.own_stamp = csn, own_stamp

    def write(self) -> None:
        """Write all that was taken in."""
        executemany, is_odd = self._database.executemany, self._servers.met_odd_bytes
        if self._moves:
            self._move()
        if self._committed:
            executemany(_COMMIT_ODD if is_odd else _COMMIT, self._committed)
        if self._tentative:
            executemany(_ADD_ODD if is_odd else _ADD, self._tentative.values())
            self.tentative_count += len(self._tentative)

    def _move(self) -> None:
        moves = self._moves
        if self._are_all():
            moved = self._database.execute(_MOVE_ALL, (moves[0][0] - 1,)).rowcount
            self._database.execute("DELETE FROM tentative")
        else:
            moved = self._database.executemany(_MOVE, moves).rowcount
            self._database.executemany(_REMOVE, moves)
        require(
            moved == len(moves), f"{len(moves) - moved} of {len(moves)} commit notices are for no write here"
        )
        self.tentative_count -= moved

    def _are_all(self) -> bool:
        """Whether all tentative writes of the file are committed, one after the other, in an order that
        SQLite can tell: where two bear the same stamp, names decide, which it knows nothing of."""
        moves = self._moves
        if not BULK <= len(moves) == self.tentative_count or moves[-1][0] - moves[0][0] + 1 != len(moves):
            return False
        stamps = [stamp for _, stamp, _ in moves]
        return all(map(int.__lt__, stamps, stamps[1:]))
