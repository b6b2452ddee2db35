"""Servers that last, and programs that write to them, are killed again and again: whatever was acknowledged
is on all servers in the end, once, and in its session's order.

    python -m tests.durable_kills --kills 500 --seed 1

Three processes of `bayou serve`, that keep short logs, so that truncation and bases happen; sessions that
move between them, and replicas in programs of their own that sync now and then (tests/durable_writers.py).
One after another is killed, whatever it does just then, and comes back; a server sometimes only when the
others have let go of what it lacks. The file of each server that was killed is read as it was left: no commit
sequence number may ever stand for two writes. Exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import bayou
from bayou.core.values import text_of
from tests.durable_writers import COLLECTION, SECRET, read_journal, rows_after, step
from tests.processes import wait_until
from tests.serving import Served, Servers
from tests.serving import bayou as run_bayou

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SESSIONS = 4
"""Every other one is of the library."""

REPLICAS = 2
OPTIONS = ("--period", "0.05", "--keep-writes", "200", "--keep-marks", "20")
PROGRESS_BYTES = 3000
"""Between two kills sessions go on for at most so much in their journals: some two hundred writes."""

LONG_S = 4.0
"""How long a server stays away now and then: the others commit more than they keep meanwhile."""

PATIENCE_S = 300.0

Rows = dict[str, tuple[str, int]]
"""Values and commit sequence numbers, by key."""


@dataclass
class Outcome:
    """What came of a run.

    - ``kills``: how many, by what was killed; ``bases``: how often a server came back to others that had let
      go of what it lacked;
    - ``acknowledged`` and ``tried``: how many writes, by writer;
    - ``rows``: those of each server in the end; ``csns`` how many writes each has committed, ``omitted`` how
      many of these its log has no more; ``creations``: how many are no writes of writers;
    - ``wrong``: what else was found on the way.
    """

    kills: Counter[str] = field(default_factory=Counter)
    bases: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    csns: dict[str, int] = field(default_factory=dict)
    omitted: dict[str, int] = field(default_factory=dict)
    creations: int = 0
    wrong: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Return what is wrong, a line each."""
        found = [*self.wrong]
        if len(set(self.csns.values())) > 1:
            found.append(f"the servers have committed {self.csns} writes")
        for server, rows in self.rows.items():
            by_writer: dict[str, Rows] = {id: {} for id in self.tried}
            for key, row in rows.items():
                by_writer[key.split("/")[0]][key] = row
            carried_out = 0
            for id, own in by_writer.items():
                count, complaints = self._judge(id, own)
                carried_out += count
                found += [f"server {server}: {each}" for each in complaints]
            if carried_out + self.creations != self.csns[server]:
                found.append(
                    f"server {server} has committed {self.csns[server]} writes, where {carried_out} writes "
                    f"and {self.creations} creations can be seen: some were committed twice, or nobody's"
                )
        return found

    def _judge(self, id: str, rows: Rows) -> tuple[int, list[str]]:
        """Return how many writes of a writer were carried out, going by its rows, and what is wrong."""
        values = {key: value for key, (value, _) in rows.items()}
        acknowledged, tried = self.acknowledged[id], self.tried[id]
        counts = [count for count in range(acknowledged, tried + 1) if rows_after(id, count) == values]
        if not counts:
            return acknowledged, [self._difference(id, values)]
        order = []
        for number in range(1, counts[0] + 1):
            key, value = step(id, number)
            if value is not None and values.get(key) == value:
                order.append(rows[key][1])
        in_order = order == sorted(order) and len(set(order)) == len(order)
        return counts[0], [] if in_order else [f"the writes of {id} were committed in another order"]

    def _difference(self, id: str, values: dict[str, str]) -> str:
        due = rows_after(id, self.acknowledged[id])
        lost = [key for key in due if values.get(key) != due[key]]
        more = [key for key in values if key not in due]
        return (
            f"{self.acknowledged[id]} writes of {id} were acknowledged, and {self.tried[id]} begun; it lacks "
            f"{lost[:5]}, and has {more[:5]} beyond them"
        )


class Writer:
    """A program that writes, one after another under the names SLOT-1, SLOT-2 and so on."""

    def __init__(self, folder: Path, kind: str, slot: str, seed: int, addresses: list[str]) -> None:
        self._folder = folder
        self._kind = kind
        self.slot = slot
        self._seed = seed
        self._addresses = addresses
        self._count = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_up(self) -> bool:
        return self.process is not None

    @property
    def log(self) -> Path:
        return self._folder / f"{self.slot}.err"

    def start(self) -> None:
        self._count += 1
        id = f"{self.slot}-{self._count}"
        command = [self._kind, str(self._folder), id, f"{self._seed} {id}", *self._addresses]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.durable_writers", *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None


class Kills:
    """A run, in a folder of its own."""

    def __init__(self, folder: Path, seed: int, servers: int = 3) -> None:
        self._folder = folder
        self._rng = random.Random(f"durable kills {seed}")
        self._servers = Servers(folder, servers)
        addresses = [server.address for server in self._servers.all]
        slots = [("library" if at % 2 else "session", f"s{at}") for at in range(SESSIONS)]
        slots += [("replica", f"r{at}") for at in range(REPLICAS)]
        self._writers = [Writer(folder, kind, slot, seed, addresses) for kind, slot in slots]
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._written: dict[int, tuple[int, int, str]] = {}
        self._left_at: dict[str, int] = {}
        self.outcome = Outcome()

    def begin(self) -> None:
        """Start the writers, and wait until they write."""
        for writer in self._writers:
            writer.start()
        self._let_go_on(lambda: len(list(self._folder.glob("*.journal"))) == len(self._writers))

    def run(self, kills: int) -> None:
        """Kill so many, and see what is left."""
        self._servers[0].start(*OPTIONS)
        self._start(self._servers[1])
        self._start(self._servers[2])
        self.begin()
        for count in range(kills):
            enough = self._progress() + PROGRESS_BYTES * self._rng.random()
            self._let_go_on(lambda: self._progress() >= enough)  # noqa: B023
            self._kill_one()
            if sys.stderr.isatty():
                print(f"\r{count + 1} of {kills}", end="", file=sys.stderr)
        self._settle()

    def close(self) -> None:
        for writer in self._writers:
            if writer.is_up:
                writer.kill()
        for server in self._servers.all:
            server.kill()

    # Killing.

    def _progress(self) -> int:
        """Return what the journals of sessions have come to, in bytes."""
        return sum(path.stat().st_size for path in self._folder.glob("s*.journal"))

    def _let_go_on(self, done: Callable[[], bool]) -> None:
        """Let them go on until then, start again what is due, and see that nothing ends by itself."""
        until = time.monotonic() + PATIENCE_S
        while not done():
            now = time.monotonic()
            for entry in [entry for entry in self._due if entry[0] <= now]:
                self._due.remove(entry)
                entry[1]()
            self._look_for_ended()
            if now >= until:
                raise Ended(f"there was no progress for {PATIENCE_S:g} s")
            time.sleep(0.01)

    def _look_for_ended(self) -> None:
        for server in self._servers.all:
            if server.process is not None and server.has_ended:
                raise Ended(f"server {server.name} has ended by itself: {server.told().splitlines()[-1]}")
        for writer in self._writers:
            if writer.process is not None and writer.process.poll() is not None:
                raise Ended(f"writer {writer.slot} has ended by itself: {writer.log.read_text()[-2000:]}")

    def _kill_one(self) -> None:
        up = [server for server in self._servers.all if server.process is not None]
        writers = [writer for writer in self._writers if writer.is_up]
        if not up and not writers:
            self._let_go_on(lambda: any(server.process is not None for server in self._servers.all))
            return self._kill_one()
        if writers and (not up or self._rng.random() < 0.4):
            writer = self._rng.choice(writers)
            writer.kill()
            self.outcome.kills["program" if writer.slot[0] == "s" else "replica"] += 1
            self._later(0.2 * self._rng.random(), writer.start)
            return None
        server = self._rng.choice(up)
        server.kill()
        self.outcome.kills["server"] += 1
        self._read_left(server)
        is_long = len(up) == len(self._servers.all) and self._rng.random() < 0.1
        self._later(LONG_S if is_long else 0.3 * self._rng.random() ** 2, lambda: self._start(server))
        return None

    def _later(self, seconds: float, does: Callable[[], None]) -> None:
        self._due.append((time.monotonic() + seconds, does))

    def _start(self, server: Served) -> None:
        joins = () if server is self._servers[0] else ("--join", self._servers[0].address)
        server.start(*joins, *OPTIONS, is_awaited=False)
        if server.name in self._left_at:
            others = [_omitted(other) for other in self._servers.all if other is not server]
            self.outcome.bases += self._left_at[server.name] < min(others)

    def _read_left(self, server: Served) -> None:
        """Read the file of a server as it was left, in a copy, so that it stays as it is."""
        copy = self._folder / "copy"
        for end in ("", "-wal"):
            copy.with_name(f"copy{end}").unlink(missing_ok=True)
            if server.data.with_name(f"{server.data.name}{end}").exists():
                shutil.copyfile(server.data.with_name(f"{server.data.name}{end}"), f"{copy}{end}")
        if not copy.exists() or not copy.stat().st_size:
            return
        with closing(sqlite3.connect(copy)) as file:
            try:
                found = file.execute(
                    "SELECT csn, stamp, kind, name, key FROM committed JOIN servers ON id = server"
                ).fetchall()
                (base_csn,) = file.execute("SELECT value FROM meta WHERE key = 'base_csn'").fetchone()
            except (sqlite3.OperationalError, TypeError):
                return  # killed while it was made
        self._left_at[server.name] = max([base_csn, *(row[0] for row in found)])
        for csn, stamp, kind, name, key in found:
            write = stamp, kind, f"{name} {key}"
            if self._written.setdefault(csn, write) != write:
                self.outcome.wrong.append(
                    f"commit sequence number {csn} is {write} on server {server.name}, and was "
                    f"{self._written[csn]}"
                )

    # What is left.

    def _settle(self) -> None:
        """Let all come back and be level, and read what they have."""
        self._let_go_on(lambda: not self._due)
        for writer in self._writers:
            writer.kill()
        for path in sorted(self._folder.glob("*.journal")):
            id = path.stem
            self.outcome.acknowledged[id], self.outcome.tried[id], wrong = read_journal(path)
            self.outcome.wrong += [f"{id}: {line}" for line in wrong]
        wait_until(lambda: all(server.lines() for server in self._servers.all), PATIENCE_S)
        for at in range(REPLICAS):
            self._bring_home(self._folder / f"r{at}.bayou")
        wait_until(self._are_level, PATIENCE_S)
        self.outcome.creations = len(self._servers[0].position().vector.names) - 1
        for server in self._servers.all:
            status = server.stop()
            if status:
                self.outcome.wrong.append(f"server {server.name} has ended with status {status}")
        for server in self._servers.all:
            done = run_bayou("doctor", server.data.name, cwd=self._folder)
            if done.returncode:
                self.outcome.wrong.append(f"bayou doctor says of {server.name}: {done.stdout}{done.stderr}")
            self._read_end(server)

    def _bring_home(self, path: Path) -> None:
        """Bring the servers what an embedded replica has, until nothing of it is pending."""
        if not path.exists():
            return
        addresses = [server.address for server in self._servers.all]
        with bayou.open(path, join=addresses, secret=self._folder / SECRET) as db:
            wait_until(lambda: db.sync(timeout_s=10).why_stopped == "level" and not db.pending(), PATIENCE_S)

    def _are_level(self) -> bool:
        self._look_for_ended()
        if not self._servers.are_level():
            return False
        return all(server.stats()["tentative"].split()[0] == "0" for server in self._servers.all)

    def _read_end(self, server: Served) -> None:
        with closing(sqlite3.connect(server.data)) as file:
            meta = dict(file.execute("SELECT key, value FROM meta"))
            rows = {
                key: (text_of(value), csn)
                for key, value, csn in file.execute(
                    "SELECT key, value, csn FROM rows WHERE value IS NOT NULL AND collection = ?",
                    (COLLECTION,),
                )
            }
            csn = meta["base_csn"]
            for csn, kind, key, value in file.execute(  # noqa: B020
                "SELECT csn, kind, key, value FROM committed WHERE csn > ? ORDER BY csn", (csn,)
            ):
                if kind == 0:
                    rows[key] = text_of(value), csn
                elif kind == 1:
                    rows.pop(key, None)
        name = server.name
        self.outcome.rows[name], self.outcome.csns[name] = rows, csn
        self.outcome.omitted[name] = meta["omitted_csn"]


class Ended(Exception):
    """Something has ended that nobody has killed."""


def _omitted(server: Served) -> int:
    """Return how much the log of a server has let go of, going by its file while that is in use."""
    try:
        with closing(sqlite3.connect(f"file:{server.data}?mode=ro", uri=True)) as file:
            row = file.execute("SELECT value FROM meta WHERE key = 'omitted_csn'").fetchone()
            return int(row[0])
    except (sqlite3.Error, TypeError):
        return 0


def carried_out(run: Kills, kills: int) -> Outcome:
    """Have a run, and end it."""
    try:
        run.run(kills)
    except Ended as error:
        run.outcome.wrong.append(str(error))
    finally:
        run.close()
    return run.outcome


def parser_of(tool: str, about: str, kills: int) -> argparse.ArgumentParser:
    """Return what a tool like this one is told: so many kills, unless it is said otherwise."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.{tool}", description=about)
    parser.add_argument("--kills", type=int, default=kills, help=f"how many (default: {kills})")
    parser.add_argument("--seed", type=int, default=1, help="what is killed, and when (default: 1)")
    parser.add_argument("--keep", metavar="FOLDER", help="leave all files there, for a look")
    return parser


@contextmanager
def folder_of(keep: str | None) -> Iterator[Path]:
    """Give out a folder for a run: that one, which stays, or one that is gone afterwards."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with TemporaryDirectory(dir=".") as made:
        folder = Path(keep or made).absolute()
        folder.mkdir(exist_ok=True)
        yield folder


def status_of(outcome: Outcome, *lines: str) -> int:
    """Print what came of a run, these lines among it; return the exit status."""
    print(f"{sum(outcome.acknowledged.values()):,} writes acknowledged, {len(outcome.tried)} writers")
    problems = outcome.problems()
    for line in (*lines, f"{len(problems)} problems"):
        print(line)
    for line in problems[:20]:
        print(f"    {line}")
    return 1 if problems else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    options = parser_of("durable_kills", __doc__.split("\n\n")[0], 500).parse_args(arguments)
    began = time.monotonic()
    with folder_of(options.keep) as folder:
        outcome = carried_out(Kills(folder, options.seed), options.kills)
    killed = ", ".join(f"{count} of a {what}" for what, count in sorted(outcome.kills.items()))
    print(f"{sum(outcome.kills.values())} kills ({killed}) in {time.monotonic() - began:.0f} s")
    committed = f"committed: {outcome.csns}; no more in the log: {outcome.omitted}; bases: {outcome.bases}"
    return status_of(outcome, committed)


if __name__ == "__main__":
    sys.exit(main())
