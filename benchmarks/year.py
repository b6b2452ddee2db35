"""A year in a minute: many writes over few rows, through a server's replica with its file, without sockets.

Each write goes the way of any: it is accepted, committed, made durable with others of its turn, folded into
the base and let go of again. The file and the memory have to level off: a server that runs for years needs
what its rows and its settings ask for, and no more.

    python -m benchmarks year
    python -m benchmarks.year --writes 1000000
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, process_time
from typing import TYPE_CHECKING

from bayou.core.values import text_value
from bayou.host.driver import Driver
from bayou.host.filehome import FileHome
from bayou.machine.effects import Ordered, Tick
from bayou.node.messages import Join
from bayou.node.settings import Habits, Keep, Settings
from benchmarks.table import Row

if TYPE_CHECKING:
    from bayou.machine.effects import Effects, Input
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

WRITES = 10_000_000
ROWS = 10_000
DELETES = 49
"""One in so many deletes."""

TURN = 1_000
"""So many writes share a turn, and so one sync of the disk."""

PAGE_BYTES = 4096
EPOCH_S = 1.7e9
"""When time begins, by the wall clock: some years ago."""

YEAR_S = 365.25 * 86_400
SAMPLES = 10


@dataclass(frozen=True)
class Sample:
    """Where it stands after so many writes: bytes of the file (with what SQLite still has in its log) and of
    that log, memory of the process, and how many writes are still in the log of the replica; ``seconds`` and
    ``processor_s``: how long it took so far."""

    writes: int
    file_bytes: int
    wal_bytes: int
    memory_kib: int
    log_entries: int
    rows: int
    seconds: float
    processor_s: float


class Alone:
    """The Place of a machine that is connected with nobody."""

    def __init__(self, home: FileHome) -> None:
        self._home = home

    def make_durable(self, records: list[Durable]) -> None:
        self._home.keep(records)

    def witness(self, given: Input, effects: Effects) -> None:
        """Nobody wants to know."""

    def send(self, peer: int, message: Message) -> None:
        raise AssertionError("there is nobody to send anything to")

    def answer(self, number: int, message: Message) -> None:
        """Nobody waits for answers."""

    def drop(self, peer: int, why: str) -> None:
        raise AssertionError("there is nobody to drop")

    def leave(self) -> None:
        raise AssertionError("it has left")

    def crash(self) -> None:
        raise AssertionError("it has crashed")


class Life:
    """A server alone, driven by hand: ``step`` lets it take an input at a time of ours, and do all that is
    due by then. ``pauses``: how long each piece of its upkeep took, in seconds."""

    def __init__(self, path: str, keep: Keep) -> None:
        self.home = FileHome(path)
        self.machine = self.home.server(Settings(habits=Habits(), wall_offset_s=EPOCH_S, keep=keep), 0.0)
        self.pauses: list[float] = []
        self._driver = Driver(self.machine, Alone(self.home), TURN)
        if not self.machine.is_member:
            self.home.belong(os.urandom(16).hex())
            self.step(0.0, Ordered(1, Join(first=True)))

    def step(self, now: float, given: Input) -> None:
        machine, driver = self.machine, self._driver
        driver.step(now, given)
        driver.settle()
        while machine.wake_at is not None and machine.wake_at <= now:
            began = perf_counter()
            driver.step(now, Tick())
            driver.settle()
            self.pauses.append(perf_counter() - began)


def live(path: str, writes: int, rows: int, keep: Keep, samples: int = SAMPLES) -> list[Sample]:
    """Let a server live through a year of so many writes over so many rows; return how it stood in between,
    at the end too."""
    life = Life(path, keep)
    home, replica = life.home, life.machine.replica
    replica.create()  # one that is never heard of: the log keeps all that it is asked to keep
    found: list[Sample] = []
    began, processor_began = monotonic(), process_time()
    for done in range(0, writes, TURN):
        for at in range(done, min(writes, done + TURN)):
            key = f"row {at * 7919 % rows}"
            if at % DELETES:
                replica.put("rows", key, text_value(f"what write {at} says"))
            else:
                replica.delete("rows", key)
        upto = min(writes, done + TURN)
        life.step(YEAR_S * upto / writes, Tick())
        life.pauses.clear()  # they are no part of the server
        if upto * samples // writes > done * samples // writes:
            sizes = home.sizes()
            (pages,) = home.file.database.execute("PRAGMA page_count").fetchone()
            found.append(
                Sample(
                    upto, pages * PAGE_BYTES, sizes["wal_bytes"], memory_kib(), sizes["log_entries"],
                    home.file.row_count(), monotonic() - began, process_time() - processor_began,
                )
            )  # fmt: skip
            if sys.stderr.isatty():
                print(shown(found[-1]), file=sys.stderr)
    home.close(is_clean=True)
    return found


def memory_kib() -> int:
    """Return the resident memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def shown(sample: Sample) -> str:
    """Return a sample as it stands in a table."""
    return (
        f"file {sample.file_bytes / 2**20:.1f} MiB, its WAL {sample.wal_bytes / 2**20:.1f}, memory "
        f"{sample.memory_kib / 1024:.1f}; {sample.log_entries:,} writes in the log, {sample.rows:,} rows, "
        f"{sample.seconds:.0f} s"
    )


def year(*, quick: bool) -> list[Row]:
    """The whole of it; a hundredth of it with ``quick``, and a shorter log."""
    writes, rows, keep = (WRITES, ROWS, Keep())
    if quick:
        writes, rows, keep = writes // 100, rows // 10, Keep(writes=10_000, marks=100)
    return table(writes, rows, keep)


def table(writes: int, rows: int, keep: Keep) -> list[Row]:
    """Return a row for each sample, and what it took."""
    with TemporaryDirectory(dir=".") as folder:
        samples = live(f"{folder}/year.bayou", writes, rows, keep)
    found = [Row(f"after {sample.writes:,} writes over {rows:,} rows", shown(sample)) for sample in samples]
    last, half = samples[-1], samples[len(samples) // 2 - 1]
    found.append(
        Row(
            "from the half of it to its end: file, memory",
            f"{last.file_bytes / half.file_bytes - 1:+.1%}, {last.memory_kib / half.memory_kib - 1:+.1%}",
            goal="levels off",
        )
    )
    took = f"{last.seconds:.0f} s, {last.processor_s:.0f} s of the processor"
    found.append(Row(f"the year of {writes:,} writes", f"{took}, {writes / last.seconds:,.0f}/s"))
    return found


if __name__ == "__main__":
    from benchmarks.table import print_table

    parser = argparse.ArgumentParser(prog="python -m benchmarks.year")
    parser.add_argument("--writes", type=int, default=WRITES)
    parser.add_argument("--rows", type=int, default=ROWS)
    chosen = parser.parse_args()
    print_table(table(chosen.writes, chosen.rows, Keep()))
