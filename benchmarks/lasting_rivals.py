"""Others that keep rows durably, asked in the same way as benchmarks.lasting asks bayou, in the same run.

Each is left out with a note where it is not installed: redis-server and redis-py (``apt-get install
redis-server``, ``pip install redis``), etcd (``apt-get install etcd-server``), PySyncObj (``pip install
pysyncobj``), and PouchDB (node, and ``npm install pouchdb`` in the folder that POUCHDB names).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any

from benchmarks.consensus import drive, free_ports
from benchmarks.rivals import Putting
from benchmarks.table import Row

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

CLIENTS = 64
KEYS = 1_000
START_S = 20.0

REPLICATE = """
const PouchDB = require('pouchdb');
const [folder, count] = [process.argv[2], Number(process.argv[3])];
(async () => {
  const [a, b] = [new PouchDB(folder + '/a'), new PouchDB(folder + '/b')];
  for (let at = 0; at < count; at += 1000)
    await a.bulkDocs(Array.from({length: 1000}, (_, each) => (
      {_id: 'row ' + (at + each), value: 'what write ' + (at + each) + ' says'})));
  const began = process.hrtime.bigint();
  const done = await PouchDB.replicate(a, b, {batch_size: 1000});
  if (done.docs_written !== count) throw new Error('only ' + done.docs_written);
  console.log(Number(process.hrtime.bigint() - began) / 1e9);
  await a.close(); await b.close();
})().catch(error => { console.error(String(error)); process.exit(1); });
"""


def rivals(alone: int, crowd: int, rounds: int, pulled: int) -> list[Row]:
    """Puts with one client and with many, and replication into an empty store."""
    found = []
    for name, measure, missing in (
        ("redis, appendfsync always", _redis, shutil.which("redis-server") is None or _lacks("redis")),
        ("etcd, one server", _etcd, shutil.which("etcd") is None),
        ("PySyncObj, one server, not synced", _pysyncobj, _lacks("pysyncobj")),
    ):
        if missing:
            found.append(Row(f"{name}: not installed", "left out"))
            continue
        with TemporaryDirectory(dir=".") as folder:
            for what, rates in measure(Path(folder).absolute(), alone, crowd, rounds).items():
                found.append(Row(f"{name}: {what}", f"{median(rates):,.0f} /s"))
    return [*found, _pouchdb(pulled)]


def _lacks(module: str) -> bool:
    return find_spec(module) is None


@contextmanager
def _process(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE if command[0] == sys.executable else subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=folder, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


ONE = "durable puts, one client waiting"
MANY = f"{CLIENTS} clients, a connection each"
SHARED = f"{CLIENTS} puts at a time on one connection"


class Setting:
    """A client of redis on a connection of its own: see benchmarks.consensus.Speaker."""

    sock: socket.socket

    def __init__(self, port: int) -> None:
        from redis import Connection

        self._connection: Any = Connection(host="127.0.0.1", port=port)
        self._connection.connect()
        self.sock = self._connection._sock
        self.number = self.done = 0

    def send(self) -> None:
        self.number += 1
        row = f"row {self.number % KEYS}", f"what write {self.number} says"
        self._connection.send_command("SET", *row)

    def take(self) -> bool:
        assert self._connection.read_response() in (b"OK", "OK")
        self.done += 1
        return True


def _redis(folder: Path, alone: int, crowd: int, rounds: int) -> dict[str, list[float]]:
    from redis import Redis
    from redis.exceptions import ConnectionError

    (port,) = free_ports(1)
    options = {"port": port, "bind": "127.0.0.1", "appendonly": "yes", "appendfsync": "always", "save": ""}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with _process(["redis-server", *words], folder):
        client = Redis(port=port)
        until = monotonic() + START_S
        while True:
            try:
                client.ping()
                break
            except ConnectionError:
                assert monotonic() < until
                sleep(0.01)

        def waiting() -> float:
            began = perf_counter()
            for at in range(alone):
                client.set(f"row {at % KEYS}", f"what write {at} says")
            return alone / (perf_counter() - began)

        def shared() -> float:
            began = perf_counter()
            for at in range(0, crowd, CLIENTS):
                pipe = client.pipeline(transaction=False)
                for each in range(CLIENTS):
                    pipe.set(f"row {(at + each) % KEYS}", f"what write {at} says")
                pipe.execute()
            return crowd / (perf_counter() - began)

        waiting()
        ones = [waiting() for _ in range(rounds)]
        clients = [Setting(port) for _ in range(CLIENTS)]
        many = [crowd / drive(clients, crowd) for _ in range(rounds)]
        return {ONE: ones, MANY: many, SHARED: [shared() for _ in range(rounds)]}


def _etcd(folder: Path, alone: int, crowd: int, rounds: int) -> dict[str, list[float]]:
    port, peer = free_ports(2)
    options = {
        "name": "s",
        "data-dir": str(folder / "data"),
        "listen-client-urls": f"http://127.0.0.1:{port}",
        "advertise-client-urls": f"http://127.0.0.1:{port}",
        "listen-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-cluster": f"s=http://127.0.0.1:{peer}",
        "log-level": "error",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    with _process(["etcd", *words], folder):
        one = Putting([port] * 3, 1, 0)
        drive([one], 20)
        ones = [alone / drive([one], alone) for _ in range(rounds)]
        clients = [Putting([port] * 3, 2 + at, 0) for at in range(CLIENTS)]
        drive(clients, 2 * CLIENTS)
        return {ONE: ones, MANY: [crowd / drive(clients, crowd) for _ in range(rounds)]}


def _pysyncobj(folder: Path, alone: int, crowd: int, rounds: int) -> dict[str, list[float]]:
    """Its clients are in the server's own process. It writes its journal, and does not sync the disk."""
    (port,) = free_ports(1)
    with _process([sys.executable, "-m", "benchmarks.pysync", str(folder), "0", str(port)], folder) as server:

        def ask(question: str) -> str:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(question.encode() + b"\n")
            server.stdin.flush()
            return server.stdout.readline().decode()

        ask("one 1")
        few = max(20, alone // 10)
        ones = [few / float(ask(f"one {few}")) for _ in range(rounds)]
        many = crowd // 4
        return {ONE: ones, MANY: [many / float(ask(f"crowd {many}")) for _ in range(rounds)]}


def _pouchdb(count: int) -> Row:
    """A replication between two stores in files, within one process of node."""
    what = f"PouchDB: replication of {count:,} rows into an empty store"
    modules = os.environ.get("POUCHDB", "")
    if shutil.which("node") is None or not Path(modules, "node_modules", "pouchdb").is_dir():
        return Row(f"{what}: not installed", "left out")
    with TemporaryDirectory(dir=".") as folder:
        script = Path(modules, "replicate.js")
        script.write_text(REPLICATE)
        try:
            done = subprocess.run(
                ["node", str(script), str(Path(folder).absolute()), str(count)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            script.unlink()
    if done.returncode:
        return Row(f"{what}: {done.stderr.strip()[:80]}", "left out")
    return Row(what, f"{count / float(done.stdout):,.0f} /s")
