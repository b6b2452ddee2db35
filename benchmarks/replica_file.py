"""What the file of a durable replica costs by itself: puts a second, coming back, and the pauses of
folding."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING

from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.past import NO_LIMIT, Folded
from bayou.core.rows import PLAYLIST
from bayou.core.values import text_value
from bayou.core.write import PUT, Write
from bayou.families.store.keeping import StoreKeeping
from bayou.node.records import Activated, Answered, Named
from bayou.storage.replica.file import ReplicaFile
from benchmarks.table import Row, timed

if TYPE_CHECKING:
    from bayou.core.past import BaseRow

KEEPING = StoreKeeping()
SESSIONS = 64
ROWS = 100_000
PART = 1_000
"""So many writes are folded, or let go of, in one go."""


def bare_file(*, quick: bool) -> list[Row]:
    """Puts into a file, one by one and many to a transaction, next to what SQLite alone makes of such rows;
    and what comes after: folding, coming back, truncation."""
    singles, many = (300, 50_000) if quick else (3_000, 1_000_000)
    rows = []
    with TemporaryDirectory(dir=".") as folder:
        bare = sqlite3.connect(f"{folder}/bare", isolation_level=None)
        for line in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA secure_delete = 0"):
            bare.execute(line).fetchall()
        bare.execute("CREATE TABLE w (csn INTEGER PRIMARY KEY, a, b, c, d, e, f, g)")
        path = f"{folder}/replica"
        with closing(_open(path)) as file:
            file.keep([Named(ROOT), Activated()])
            per_single = _in_turn(partial(_bare_single, bare), partial(_single, file), singles)
            per_put = _in_turn(partial(_bare_many, bare), partial(_many, file), 20 if quick else 100)
            names = ("SQLite alone", "the file of a replica")
            for name, seconds in zip(names, per_single, strict=True):
                rows.append(Row(f"puts one by one: {name}", f"{1 / seconds:,.0f}/s"))
            for name, seconds in zip(names, per_put, strict=True):
                rows.append(
                    Row(f"puts, 1,000 to a transaction: {name}", f"{1000 / seconds:,.0f}/s", "100,000/s")
                )
            before = process_time()
            while file.csn < many:
                _many(file)
            took = process_time() - before
            _fold(file, rows)
            rows.append(Row(f"a put of {many:,}: processor time", f"{took / many * 1e6:.1f} us"))
        size = Path(path).stat().st_size
        rows.append(Row(f"bytes on disk for a write, {file.csn:,} of them", f"{size / file.csn:.0f}"))
        seconds = min(timed(partial(_come_back, path)) for _ in range(3))
        rows.append(Row(f"coming back with {file.csn:,} writes", f"{seconds * 1e3:.0f} ms", goal="500 ms"))
        with closing(_open(path)) as file:
            pauses = []
            while file.omitted_csn < file.base.csn:
                pauses.append(timed(partial(_truncate, file)))
            rows.append(Row("letting go of 10,000 writes: median, longest", _pauses(pauses)))
    return rows


def _open(path: str) -> ReplicaFile:
    return ReplicaFile(path, KEEPING.pack, KEEPING.unpack)


def _in_turn(ours: partial[None], theirs: partial[None], count: int) -> tuple[float, float]:
    """Return the median seconds of each of the two, done in turn."""
    times = [(timed(ours), timed(theirs)) for _ in range(count)]
    return median(time for time, _ in times), median(time for _, time in times)


def _bare_single(bare: sqlite3.Connection) -> None:
    bare.execute("INSERT INTO w VALUES (NULL, 1, 1, 0, 'playlist', 'song 1', '\"http://example.org/1\"', 1)")


def _bare_many(bare: sqlite3.Connection) -> None:
    bare.execute("BEGIN")
    for _ in range(1000):
        _bare_single(bare)
    bare.execute("COMMIT")


def _write(at: int) -> Write:
    return Write(at, ROOT, PUT, PLAYLIST, f"song {at * 7919 % ROWS}", text_value(f"http://example.org/{at}"))


def _answered(at: int) -> Answered:
    return Answered(at % SESSIONS, at, at, ROOT)


def _single(file: ReplicaFile) -> None:
    at = file.csn + 1
    file.keep([Items(at - 1, [_write(at)], []), _answered(at)])


def _many(file: ReplicaFile) -> None:
    at = file.csn
    file.keep([Items(at, [_write(at + each) for each in range(1, 1001)], []), _answered(at)])


def _fold(file: ReplicaFile, rows: list[Row]) -> None:
    pauses = []
    while file.base.csn < file.kept_csn:
        csn = file.base.csn
        writes = file.committed(csn, min(csn + PART, file.kept_csn), NO_LIMIT)
        pauses.append(timed(partial(_fold_part, file, writes)))
    rows.append(Row(f"folding {PART:,} writes: median, longest", _pauses(pauses), goal="20 ms"))


def _fold_part(file: ReplicaFile, writes: list[Write]) -> None:
    changed: dict[str, BaseRow] = {}
    for csn, write in enumerate(writes, file.base.csn + 1):
        value = write.value if isinstance(write.value, str) else None
        changed[write.key] = write.collection, write.key, value, csn
    file.fold(writes, list(changed.values()), file.base.after(writes))
    file.keep([Folded(file.base.csn)])


def _truncate(file: ReplicaFile) -> None:
    file.truncate(min(file.omitted_csn + 10_000, file.base.csn))
    file.keep([])


def _come_back(path: str) -> None:
    with closing(_open(path)) as file:
        list(file.load().answers)


def _pauses(seconds: list[float]) -> str:
    return f"{median(seconds) * 1e3:.1f} ms, {max(seconds) * 1e3:.1f} ms"
