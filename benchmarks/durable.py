"""What it costs to keep batches: durable appends a second, and the time to read them again."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bayou.storage.files import SystemFiles
from bayou.storage.journal import Journal
from bayou.storage.logfiles import LogFiles
from bayou.storage.sqlite import SqliteFile
from bayou.storage.twofiles import TwoFiles
from benchmarks.table import Row, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.storage.store import StoreBase

BATCH = bytes(range(200))
KINDS: dict[str, Callable[..., StoreBase]] = {
    "a journal with snapshots": LogFiles,
    "a state in two files": TwoFiles,
    "SQLite": SqliteFile,
}


class Unsynced(SystemFiles):
    """Files of which only the reading is measured."""

    def sync(self, fd: int) -> None:
        pass


def durable(*, quick: bool) -> list[Row]:
    """Batches of 200 bytes, each durable before the next, in the working directory's file system."""
    count, rounds = (300, 1) if quick else (2_000, 5)
    rows = []
    with TemporaryDirectory(dir=".") as folder:
        with (
            open(f"{folder}/bare", "wb", buffering=0) as bare,
            closing(Journal(f"{folder}/journal")) as journal,
        ):
            journal.read()
            stores = {name: kind(f"{folder}/{name}", "a benchmark") for name, kind in KINDS.items()}
            for store in stores.values():
                store.read()
            works = {"write and fdatasync": partial(_sync_bare, bare.fileno(), count)}
            works["the store's journal"] = partial(_repeat, journal.append, count)
            for name, store in stores.items():
                call = store.replace if name == "a state in two files" else store.append
                works[name] = partial(_repeat, call, count)
            times = in_turn(rounds, *works.values())
            for store in stores.values():
                store.close()
        for name, seconds in zip(works, times, strict=True):
            rows.append(Row(f"200 bytes made durable: {name}", f"{count / median(seconds):,.0f}/s"))
        total = 10_000 if quick else 100_000
        for name in ("a journal with snapshots", "SQLite"):
            path = f"{folder}/long {name}"
            _fill(name, path, total)
            (seconds,) = in_turn(rounds, partial(_read, name, path))
            rows.append(Row(f"reading {total:,} of them: {name}", f"{median(seconds):.2f} s"))
    return rows


def _sync_bare(fd: int, count: int) -> None:
    for _ in range(count):
        os.write(fd, BATCH)
        os.fdatasync(fd)


def _repeat(call: Callable[[bytes], None], count: int) -> None:
    for _ in range(count):
        call(BATCH)


def _fill(name: str, path: str, count: int) -> None:
    store = KINDS[name](path, "a benchmark", files=Unsynced())
    store.read()
    if isinstance(store, SqliteFile) and store._database is not None:
        store._database.execute("PRAGMA synchronous = OFF")
    _repeat(store.append, count)
    store.close()


def _read(name: str, path: str) -> None:
    store = KINDS[name](path, "a benchmark")
    store.read()
    store.close()
