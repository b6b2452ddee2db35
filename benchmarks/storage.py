"""How long a server takes to come back from a long journal."""

from __future__ import annotations

import os
from functools import partial
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from bayou.core.rows import PLAYLIST
from bayou.core.values import text_value
from bayou.families.store.keeping import StoreKeeping
from bayou.machine.effects import LinkUp, Ordered, Received
from bayou.node.messages import Hello, Join, Put, Request
from bayou.node.server import Server
from bayou.storage.journal import Journal
from bayou.storage.memory import Memory
from benchmarks.table import Row, in_turn, ratio

KEEPING = StoreKeeping()
SESSIONS = 64
SONGS = 5_000
BEFORE = {(100_000, 1): 5.8, (100_000, 16): 6.1, (300_000, 1): 19.4, (300_000, 16): 20.1}
"""Seconds that it took, by writes and puts to a batch, when each record was a pickle of its own. Measured on
two busy cores in turn with what took its place: 1.9, 1.4, 7.1 and 4.4 seconds."""


def restart(*, quick: bool) -> list[Row]:
    """A primary with a log of that length, put by put, and with the puts of many clients in a batch."""
    rows = []
    for count in (10_000,) if quick else (100_000, 300_000):
        for puts in (1, 16):
            with TemporaryDirectory() as folder:
                path = f"{folder}/journal"
                _fill(path, count, puts)
                load = partial(_load, path)
                one_by_one, in_one_go = in_turn(1 if quick else 3, partial(load, by_record=True), load)
                size_bytes = os.path.getsize(path)
            before = BEFORE.get((count, puts))
            rows.append(
                Row(
                    f"restart with {count:,} writes, {puts} to a batch, {size_bytes >> 20} MiB",
                    f"{median(in_one_go):.2f} s; by record {ratio(one_by_one, in_one_go):.1f} times that",
                    "" if before is None else f"before: {before} s",
                )
            )
    return rows


def _fill(path: str, count: int, puts: int) -> None:
    """Write the journal of a server to which so many puts came, so many of them in each batch."""
    journal = Journal(path, is_synced=False)
    journal.read()
    server = Server(0, Random(1))
    records = [*server.step(0.0, Ordered(1, Join(first=True))).durable]
    server.step(0.0, LinkUp(2, Hello(is_server=False)))
    for at in range(count):
        session, number = at % SESSIONS, at // SESSIONS
        url = f"http://example.org/{at}"
        put = Request(session, number, Put(PLAYLIST, f"song{at % SONGS}", text_value(url)), None, None)
        records += server.step(0.0, Received(2, put)).durable
        if at % puts == puts - 1:
            journal.append(KEEPING.pack(records))
            records = []
    journal.close()


def _load(path: str, *, by_record: bool = False) -> None:
    journal = Journal(path, is_synced=False)
    batches = journal.read()
    journal.close()
    if by_record:
        records = Memory(record for batch in batches for record in KEEPING.unpack(batch))
    else:
        records = Memory(KEEPING.restore(batches))
    Server.restored(0, Random(1), None, records, now=0.0)
