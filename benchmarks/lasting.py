"""What servers that last give: `bayou serve` and replicas within programs, each on a file, beside others.

Real processes on the loopback address and the disk of the working directory. Whoever asks is a process of its
own (this one), with sessions that have one request under way each.

    python -m benchmarks lasting [--quick]
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import bayou
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.values import text_value
from bayou.core.write import PUT, Write
from bayou.host.acquaintances import PROTOCOL
from bayou.host.filehome import FACTS
from bayou.host.messages import Ping, Pong
from bayou.host.secrets import make_secret, read_secrets
from bayou.machine.effects import Tick
from bayou.node.messages import OK, Answer, Get, Hello, Put, Request
from bayou.node.records import Activated, Asking, Named
from bayou.node.settings import Keep
from bayou.storage.replica.file import ReplicaFile
from bayou.wire.connection import NONCE_BYTES, Connection, Identity, Introduce
from bayou.wire.keeping import Keeping
from benchmarks.consensus import drive, free_ports
from benchmarks.lasting_rivals import rivals
from benchmarks.table import Row
from benchmarks.year import TURN, Life

if TYPE_CHECKING:
    from collections.abc import Iterator


SESSIONS = 64
KEYS = 1_000


class Amount(NamedTuple):
    """How much is done."""

    alone: int
    crowd: int
    rounds: int
    pulled: int
    rows: int
    writes: int
    local: int


FULL = Amount(3_000, 40_000, 3, 100_000, 1_000_000, 1_000_000, 3_000)
QUICK = Amount(200, 4_000, 1, 20_000, 50_000, 50_000, 300)


def lasting(*, quick: bool) -> list[Row]:
    """All of it, and what others give that are installed here."""
    amount = QUICK if quick else FULL
    found = []
    for measure in (puts_and_reads, embedded, pulled, caught_up, restarted, late):
        with TemporaryDirectory(dir=".") as folder:
            found += measure(Path(folder).absolute(), amount)
    return found + rivals(amount.alone, amount.crowd, amount.rounds, amount.pulled)


# Servers.


class Served:
    """A process of `bayou serve`."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.port = free_ports(1)[0]
        self.log = data.with_name(f"{data.name}.log")
        self._options = options

    def start(self) -> float:
        """Start it, and wait until it serves; return how many seconds that took."""
        began = perf_counter()
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "bayou", "serve", "--data", self.data.name]
            self.process = subprocess.Popen(
                [*command, "--listen", f"127.0.0.1:{self.port}", *self._options], cwd=self.data.parent,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), self.log.read_text()
        return perf_counter() - began

    @property
    def secret(self) -> bytes:
        return read_secrets(f"{self.data}-secret")[0]

    def memory_mb(self) -> float:
        """Return what it has for itself."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024

    def when(self, event: str) -> float:
        """Return when it told of an event first, in seconds."""
        found = re.search(rf"^(\S+) \w+ {event}\b", self.log.read_text(), re.MULTILINE)
        assert found is not None, self.log.read_text()
        return datetime.fromisoformat(found[1]).timestamp()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def served(data: Path, *options: str) -> Iterator[Served]:
    """Run a server."""
    server = Served(data, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Talker:
    """A connection to a server, with sessions that each have one request under way at most."""

    def __init__(self, port: int, secret: bytes, sessions: int = 1) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rng = random.SystemRandom()
        me = Identity("", None, 0, rng.getrandbits(62), PROTOCOL)
        hello = Introduce(rng.getrandbits(62), False, Hello(is_server=False), me)
        self._connection = Connection(secret, os.urandom(NONCE_BYTES), hello, dialled=True)
        self._ids = [rng.getrandbits(62) for _ in range(sessions)]
        self._at = {id: at for at, id in enumerate(self._ids)}
        self.number = self.done = 0
        self._flush()
        while self._connection.peer is None:
            list(self._connection.receive(self.sock.recv(65536)))
            self._flush()

    def _flush(self) -> None:
        if self._connection.outgoing:
            self.sock.sendall(self._connection.outgoing)
            self._connection.outgoing.clear()

    def send(self) -> None:
        """As of benchmarks.consensus.Speaker: the one session puts a row."""
        self._put(0)
        self._flush()

    def take(self) -> bool:
        """Take in what has come; return whether the one session has its answer."""
        return bool(self._take())

    def _put(self, at: int) -> None:
        self.number += 1
        row = Put("rows", f"row {self.number % KEYS}", text_value(f"what write {self.number} says"))
        self._connection.send(Request(self._ids[at], self.number, row, None, None))

    def _take(self) -> list[int]:
        """Return which sessions have their answers."""
        data = self.sock.recv(1 << 18)
        assert data, "the server has ended"
        found = []
        for message in self._connection.receive(data):
            if isinstance(message, Answer):
                assert message.verdict == OK
                found.append(self._at[message.session])
            elif isinstance(message, Ping):
                self._connection.send(Pong())
        self.done += len(found)
        self._flush()
        return found

    def puts(self, count: int) -> float:
        """Let all sessions put rows, each waiting for its answer, so many in all; return the seconds."""
        began = perf_counter()
        until = self.number + count
        for at in range(len(self._ids)):
            self._put(at)
        self._flush()
        while self.done < self.number:
            for at in self._take():
                if self.number < until:
                    self._put(at)
            self._flush()
        return perf_counter() - began

    def gets(self, count: int) -> float:
        """Read so many rows, one after another; return the seconds."""
        began = perf_counter()
        for _ in range(count):
            self.number += 1
            row = Get("rows", f"row {self.number % KEYS}")
            self._connection.send(Request(self._ids[0], self.number, row, None, None))
            self._flush()
            while not self._take():
                pass
        return perf_counter() - began

    def close(self) -> None:
        self.sock.close()


# What is measured.


def puts_and_reads(folder: Path, amount: Amount) -> list[Row]:
    """Durable puts a second of one server, and reads."""
    found = []
    with served(folder / "a.bayou") as server:
        one = Talker(server.port, server.secret)
        one.puts(20)
        alone = [amount.alone / one.puts(amount.alone) for _ in range(amount.rounds)]
        reads = [amount.alone / one.gets(amount.alone) for _ in range(amount.rounds)]
        one.close()
        crowd = [Talker(server.port, server.secret) for _ in range(SESSIONS)]
        drive(crowd, 2 * SESSIONS)
        many = [amount.crowd / drive(crowd, amount.crowd) for _ in range(amount.rounds)]
        for each in crowd:
            each.close()
        shared = Talker(server.port, server.secret, SESSIONS)
        shared.puts(2 * SESSIONS)
        on_one = [amount.crowd / shared.puts(amount.crowd) for _ in range(amount.rounds)]
        shared.close()
    found.append(Row("bayou serve: durable puts, one client waiting", per_s(alone), goal="3,000 /s"))
    found.append(Row(f"bayou serve: {SESSIONS} clients, a connection each", per_s(many), goal="17,500 /s"))
    found.append(Row(f"bayou serve: {SESSIONS} sessions on one connection", per_s(on_one), goal="26,000 /s"))
    found.append(Row("bayou serve: reads, one client waiting", per_s(reads)))
    return found


def embedded(folder: Path, amount: Amount) -> list[Row]:
    """Puts and reads of a replica within a program."""
    with bayou.open(folder / "mine.bayou") as db:
        rows = db["rows"]
        single, batches, reads = [], [], []
        for _ in range(amount.rounds):
            began = perf_counter()
            for at in range(amount.local):
                rows[f"row {at % KEYS}"] = f"what write {at} says"
            single.append(amount.local / (perf_counter() - began))
            began = perf_counter()
            for at in range(0, 10 * amount.local, 100):
                rows.update((f"row {(at + each) % KEYS}", f"what write {at} says") for each in range(100))
            batches.append(10 * amount.local / (perf_counter() - began))
            began = perf_counter()
            for at in range(amount.local):
                rows[f"row {at % KEYS}"]
            reads.append(amount.local / (perf_counter() - began))
    return [
        Row("a replica in a program: durable puts, one by one", per_s(single)),
        Row("the same, 100 in an update", per_s(batches)),
        Row("the same, reads", per_s(reads)),
    ]


def pulled(folder: Path, amount: Amount) -> list[Row]:
    """Anti-entropy of a long log into an empty server that keeps it in a file."""
    fill(folder / "a.bayou", amount.pulled, amount.pulled, Keep(writes=None))
    found = []
    for at in range(amount.rounds):
        found.append(_joined(folder, f"b{at}.bayou", "--keep-writes", "all"))
    rates = [amount.pulled / seconds for seconds in found]
    what = f"anti-entropy of {amount.pulled:,} writes into an empty server, durable"
    return [Row(what, per_s(rates), goal="100,000 /s")]


LOG_S = 0.001
"""As exact as the times in the log of a server are."""


def _joined(folder: Path, name: str, *options: str) -> float:
    """Let a newcomer join; return how long it took from its name until it had all."""
    with served(folder / "a.bayou", *options) as server:
        shutil.copy(f"{server.data}-secret", folder / f"{name}-secret")
        join = ("--join", f"127.0.0.1:{server.port}")
        with served(folder / name, *options, *join) as newcomer:
            took = newcomer.when("member") - newcomer.when("named")
            return max(took, LOG_S)


def caught_up(folder: Path, amount: Amount) -> list[Row]:
    """A newcomer to a server that has let go of its log takes its rows."""
    fill(folder / "a.bayou", amount.rows, amount.rows, Keep(writes=1_000))
    seconds = _joined(folder, "b.bayou", "--keep-writes", "1000")
    size = (folder / "b.bayou").stat().st_size
    rate = f"{seconds:.1f} s, {amount.rows / seconds:,.0f} rows/s, {size / amount.rows:.0f} bytes a row"
    return [Row(f"a newcomer receives a base of {amount.rows:,} rows", rate)]


def restarted(folder: Path, amount: Amount) -> list[Row]:
    """A server with a long log comes back; what its file came to, and how long folding held its loop up."""
    data = folder / "a.bayou"
    pauses = fill(data, amount.writes, amount.writes // 10, Keep(writes=None))
    size = data.stat().st_size
    waits, memory_mb = [], 0.0
    for _ in range(max(3, amount.rounds)):
        server = Served(data, "--keep-writes", "all")
        began = perf_counter()
        server.start()
        one = Talker(server.port, server.secret)
        one.gets(1)
        waits.append(perf_counter() - began)
        memory_mb = max(memory_mb, server.memory_mb())
        one.close()
        server.stop()
    wait = f"{median(waits):.2f} s, {memory_mb:.1f} MB"
    what = f"from the start with {amount.writes:,} writes to the first answer; memory then"
    pauses.sort()
    longest = f"{pauses[-1] * 1e3:.1f} ms, {pauses[len(pauses) // 2] * 1e3:.1f} ms"
    return [
        Row(what, wait, goal="0.5 s, 60 MB"),
        Row(f"bytes on disk for a write, {amount.writes:,} of them", f"{size / amount.writes:.0f}"),
        Row("folding: the longest pause of the loop, the median one", longest, goal="20 ms"),
    ]


def late(folder: Path, amount: Amount) -> list[Row]:
    """A write that is older than all tentative ones comes in last, and is durable."""
    path = str(folder / "late.bayou")
    keeping = Keeping(FACTS)
    with closing(ReplicaFile(path, keeping.pack, keeping.unpack)) as file:
        file.keep([Asking(None, 1, 1), Named(Name.of((5,))), Activated()])  # its primary is another one
    life = Life(path, Keep(writes=None))
    replica = life.machine.replica
    tentative = amount.writes // 10
    for at in range(tentative):
        replica.put("rows", f"row {at % KEYS}", text_value(f"what write {at} says"))
    life.step(1.0, Tick())
    waits = []
    for at in range(200):
        write = Write(6 + at, ROOT, PUT, "rows", f"row {at}", text_value("late"))
        began = perf_counter()
        replica.apply(Items(0, [], [write]))
        life.step(2.0 + at, Tick())
        waits.append(perf_counter() - began)
    assert len(replica.log.tentative) == tentative + len(waits)
    life.home.close(is_clean=True)
    wait = f"{median(waits) * 1e3:.2f} ms, {max(waits) * 1e3:.1f} ms"
    return [Row(f"a late write, durable, below {tentative:,} tentative ones: median, longest", wait)]


def fill(path: Path, writes: int, rows: int, keep: Keep) -> list[float]:
    """Make the file of a first server, and its secret; return how long pieces of its upkeep took."""
    make_secret(f"{path}-secret")
    life = Life(str(path), keep)
    replica = life.machine.replica
    for done in range(0, writes, TURN):
        for at in range(done, min(writes, done + TURN)):
            replica.put("rows", f"row {at % rows}", text_value(f"what write {at} says"))
        life.step(1.0 + done / TURN / 1000, Tick())
    for later in range(10, 20):
        life.step(float(later), Tick())
    assert replica.past.base.csn == writes
    life.home.close(is_clean=True)
    return life.pauses


def per_s(rates: list[float]) -> str:
    """Return the median of rates."""
    return f"{median(rates):,.0f} /s"
