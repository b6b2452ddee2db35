"""The log beside PySyncObj and etcd: the same work, on three processes each, on the loopback address, on the
same disk, one after another in one run.

What is not installed is left out with a note: ``pip install 'bayou[rivals]'`` brings PySyncObj, and
``apt-get install etcd-server`` etcd. What is compared is told in docs/performance.md.

    python -m benchmarks rivals [--quick]
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from bayou.cluster.config import Place, read_secret, text_of, write_new
from benchmarks.consensus import (
    HEARTBEAT_S,
    SERVERS,
    TEXT,
    Session,
    cluster,
    drive,
    free_ports,
    replace_leader,
)
from benchmarks.grpc import Caller, field
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.consensus import Speaker

CLIENTS = 64
ELECTION_S = 5 * HEARTBEAT_S
START_DEADLINE_S = 20.0
PUT = "/etcdserverpb.KV/Put"


class Figures(NamedTuple):
    """What one system gave: commands a second, seconds, and MB."""

    alone: float
    crowd: float
    start_s: float
    replaced_s: list[float]
    memory_mb: float


class Amount(NamedTuple):
    """How often things are done."""

    alone: int
    crowd: int
    rounds: int
    kills: int


def rivals(*, quick: bool) -> list[Row]:
    """Commands a second, start, a killed leader, memory: of the log, of etcd, of PySyncObj."""
    amount = Amount(200, 2_000, 1, 2) if quick else Amount(2_000, 20_000, 3, 9)
    systems = {"bayou": _bayou, "etcd": _etcd, "PySyncObj": _pysyncobj}
    missing = {"etcd": shutil.which("etcd") is None, "PySyncObj": find_spec("pysyncobj") is None}
    rows = []
    for name, measure in systems.items():
        if missing.get(name):
            rows.append(Row(f"{name}: not installed", "left out"))
            continue
        with TemporaryDirectory(dir=".") as folder:
            rows += _rows(name, measure(Path(folder), amount))
    return rows


def _rows(name: str, figures: Figures) -> list[Row]:
    waits = figures.replaced_s
    return [
        Row(f"{name}: commands a second, one client that waits each time", f"{figures.alone:,.0f} /s"),
        Row(f"{name}: the same, {CLIENTS} clients", f"{figures.crowd:,.0f} /s"),
        Row(f"{name}: from the start of three processes to the first answer", f"{figures.start_s:.2f} s"),
        Row(
            f"{name}: from a killed leader to the next answer",
            f"{median(waits) * 1e3:,.0f} ms, at most {max(waits) * 1e3:,.0f}",
        ),
        Row(f"{name}: memory of a server for itself", f"{figures.memory_mb:.1f} MB"),
    ]


class Processes:
    """Three server processes: how each is started, again too, is said by ``commands``."""

    def __init__(self, commands: list[list[str]]) -> None:
        self._commands = commands
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        for id in range(len(commands)):
            self.start(id)

    def start(self, id: int) -> None:
        """Start a server."""
        self.running[id] = subprocess.Popen(
            self._commands[id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self._commands[id][0] == sys.executable else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, id: int) -> None:
        """Kill a server with SIGKILL."""
        process = self.running.pop(id)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def memory_mb(self) -> float:
        """Return what a server has for itself at most, in MB."""
        return max(_private_mb(process.pid) for process in self.running.values())


def _private_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


@contextmanager
def _processes(commands: list[list[str]]) -> Iterator[Processes]:
    processes = Processes(commands)
    try:
        yield processes
    finally:
        for id in list(processes.running):
            processes.kill(id)


# The log: commands with servers that do nothing else, start and memory as ``bayou chat serve`` has them.


def _bayou(folder: Path, amount: Amount) -> Figures:
    with cluster() as running:
        one = Session(running.ports, 1)
        alone, crowd = _rates(one, [Session(running.ports, 2 + at) for at in range(CLIENTS)], amount)
        waits = [replace_leader(running, one) for _ in range(amount.kills)]
    ports = free_ports(SERVERS)
    path = str(folder / "cluster.json")
    places = [Place("127.0.0.1", port) for port in ports]
    write_new(path, text_of(places, loss=0.0, timeout_s=2 * HEARTBEAT_S, election_s=None), replaces=False)
    serve = [sys.executable, "-m", "bayou", "chat", "serve", "--config", path, "--id"]
    began = monotonic()
    with _processes([[*serve, str(id)] for id in range(SERVERS)]) as processes:
        secret = read_secret(path)
        drive([Session(ports, 1, secret)], 1)
        start_s = monotonic() - began
        drive([Session(ports, 2 + at, secret) for at in range(CLIENTS)], amount.crowd)
        return Figures(alone, crowd, start_s, waits, processes.memory_mb())


def _rates(one: Speaker, crowd: Sequence[Speaker], amount: Amount) -> tuple[float, float]:
    """Return commands a second with one client, and with many."""
    drive([one], 20)
    alone = median(amount.alone / drive([one], amount.alone) for _ in range(amount.rounds))
    drive(crowd, 2 * len(crowd))
    return alone, median(amount.crowd / drive(crowd, amount.crowd) for _ in range(amount.rounds))


def _replaced(processes: Processes, one: Putting, leader: int) -> float:
    """Kill the leader; return how many seconds it takes until the next command is carried out."""
    processes.kill(leader)
    began = monotonic()
    one.send()
    while one.done < one.number:
        if not select.select([one.sock], [], [], HEARTBEAT_S)[0]:
            one.move((one.server + 1) % SERVERS)
        else:
            one.take()
    waited = monotonic() - began
    processes.start(leader)
    _pause(3 * ELECTION_S)  # so that it is level again
    return waited


def _pause(seconds: float) -> None:
    select.select([], [], [], seconds)


# etcd.


class Putting:
    """A client that puts one key after another, on a connection of its own: the like of Session."""

    def __init__(self, ports: list[int], client: int, server: int) -> None:
        self._ports = ports
        self._client = client
        self.server = server
        self.number = self.done = 0
        self._connect()

    def _connect(self) -> None:
        while True:
            try:
                self._caller = Caller(self._ports[self.server], PUT)
                break
            except OSError:
                self.server = (self.server + 1) % SERVERS
        self.sock = self._caller.sock

    def send(self) -> None:
        """Send the next put."""
        self.number += 1
        self._say()

    def _say(self) -> None:
        key = f"{self._client}/{self.number % 100}"
        try:
            self._caller.call(field(1, key.encode()) + field(2, TEXT.encode()))
        except OSError:
            self.move((self.server + 1) % SERVERS)

    def take(self) -> bool:
        """Take in what has come; return whether the put has been carried out."""
        try:
            answered = self._caller.take()
        except OSError:
            answered = False
        if answered:
            self.done = self.number
        elif answered is not None:
            self.move((self.server + 1) % SERVERS)
        return bool(answered)

    def move(self, server: int) -> None:
        """Go on with another server."""
        self.sock.close()
        self.server = server
        self._connect()
        self._say()


def _etcd(folder: Path, amount: Amount) -> Figures:
    ports, peers = free_ports(SERVERS), free_ports(SERVERS)
    everybody = ",".join(f"s{id}=http://127.0.0.1:{port}" for id, port in enumerate(peers))
    commands = []
    for id in range(SERVERS):
        options = {
            "name": f"s{id}",
            "data-dir": str(folder / str(id)),
            "listen-client-urls": f"http://127.0.0.1:{ports[id]}",
            "advertise-client-urls": f"http://127.0.0.1:{ports[id]}",
            "listen-peer-urls": f"http://127.0.0.1:{peers[id]}",
            "initial-advertise-peer-urls": f"http://127.0.0.1:{peers[id]}",
            "initial-cluster": everybody,
            "heartbeat-interval": f"{HEARTBEAT_S * 1e3:.0f}",
            "election-timeout": f"{ELECTION_S * 1e3:.0f}",
            "log-level": "error",
        }
        commands.append(["etcd", *(part for name, value in options.items() for part in (f"--{name}", value))])
    began = monotonic()
    with _processes(commands) as processes:
        leader = _leader_of_etcd(ports)
        one = Putting(ports, 1, leader)
        drive([one], 1)
        start_s = monotonic() - began
        alone, crowd = _rates(one, [Putting(ports, 2 + at, leader) for at in range(CLIENTS)], amount)
        memory_mb = processes.memory_mb()
        waits = []
        for _ in range(amount.kills):
            one.move(_leader_of_etcd(ports))
            drive([one], 5)
            waits.append(_replaced(processes, one, one.server))
    return Figures(alone, crowd, start_s, waits, memory_mb)


def _leader_of_etcd(ports: list[int]) -> int:
    from urllib.request import urlopen

    deadline = monotonic() + START_DEADLINE_S
    while monotonic() < deadline:
        for id, port in enumerate(ports):
            try:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as answer:
                    if b"\netcd_server_is_leader 1\n" in answer.read():
                        return id
            except OSError:
                pass
        _pause(0.01)
    raise TimeoutError("no etcd says that it leads")


# PySyncObj: its clients are in the server's own process.


def _pysyncobj(folder: Path, amount: Amount) -> Figures:
    ports = free_ports(SERVERS)
    commands = [
        [sys.executable, "-m", "benchmarks.pysync", str(folder), str(id), *map(str, ports)]
        for id in range(SERVERS)
    ]
    began = monotonic()
    with _processes(commands) as processes:
        leader = int(_ask(processes, 0, "leader"))
        _ask(processes, leader, "one 1")
        start_s = monotonic() - began
        _ask(processes, leader, "one 20")
        alone = median(
            amount.alone / float(_ask(processes, leader, f"one {amount.alone}")) for _ in range(amount.rounds)
        )
        crowd = median(
            amount.crowd / float(_ask(processes, leader, f"crowd {amount.crowd}"))
            for _ in range(amount.rounds)
        )
        memory_mb = processes.memory_mb()
        waits = []
        for _ in range(amount.kills):
            leader = int(_ask(processes, 0, "leader"))
            _ask(processes, leader, "one 5")
            processes.kill(leader)
            killed = monotonic()
            _ask(processes, (leader + 1) % SERVERS, "one 1")
            waits.append(monotonic() - killed)
            processes.start(leader)
            _pause(3 * ELECTION_S)
    return Figures(alone, crowd, start_s, waits, memory_mb)


def _ask(processes: Processes, id: int, question: str) -> str:
    """Ask a process of benchmarks.pysync; return its line."""
    process = processes.running[id]
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(question.encode() + b"\n")
    process.stdin.flush()
    return process.stdout.readline().decode()


if __name__ == "__main__":
    from benchmarks.table import print_table

    print_table(rivals(quick="--quick" in sys.argv[1:]))
    sys.exit(os.EX_OK)
