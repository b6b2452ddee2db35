"""The log on three processes: decided and durable commands a second, a killed leader, start and memory."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import TYPE_CHECKING, Protocol

from bayou.families.log.messages import Answered, BeServer, Client, Redirect, Submit
from bayou.families.log.server import LogServer
from bayou.host.keeper import Keeper
from bayou.host.site import Site
from bayou.machine.machine import Surroundings
from bayou.net.complaints import Complaints
from bayou.storage.logfiles import LogFiles
from bayou.wire.connection import Connection, Introduce
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayou.machine.effects import Effects

SERVERS = 3
HEARTBEAT_S = 0.1
SECRET = b"a benchmark"
TEXT = "x" * 20


class Cluster:
    """Server processes of one log on the loopback address, each with a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = free_ports(SERVERS)
        self.pids: dict[int, int] = {}

    def start(self, server: int) -> None:
        """Fork the process of a server."""
        pid = os.fork()
        if pid == 0:
            try:
                self._serve(server)
            finally:
                os._exit(1)
        self.pids[server] = pid

    def kill(self, server: int) -> None:
        """Kill a server."""
        pid = self.pids.pop(server)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def cpu_s(self) -> float:
        """Return the processor time of all servers so far, in seconds."""
        ticks = os.sysconf("SC_CLK_TCK")
        fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split() for pid in self.pids.values()]
        return sum(int(each[11]) + int(each[12]) for each in fields) / ticks

    def memory_mb(self) -> float:
        """Return how much memory the first server has for itself, in MB."""
        pid = next(iter(self.pids.values()))
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024

    def _serve(self, server: int) -> None:
        from bayou.families.chat.machines import keeping

        store = LogFiles(str(self.folder / str(server)), f"server {server}")
        keeper = Keeper(store, keeping())
        what = BeServer(tuple(range(SERVERS)), HEARTBEAT_S, 5 * HEARTBEAT_S, 2 * HEARTBEAT_S, window=64)
        machine = LogServer(server, what, Surroundings(_Bits(), monotonic(), 0.0), keeper.read())
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)  # as bayou chat serve does
        site = Site(
            machine, SECRET, Complaints(monotonic), servers=what.servers, witness=_ignore, keeper=keeper
        )
        site.network.listen(("127.0.0.1", self.ports[server]))
        for id in range(server):
            site.dial(id, ("127.0.0.1", self.ports[id]))
        while True:
            site.turn()


class _Bits:
    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(os.urandom((k + 7) // 8), "big") >> (-k % 8)


def _ignore(effects: Effects) -> None:
    pass


def free_ports(count: int) -> list[int]:
    """Return so many ports that nobody listens at."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class Session:
    """A client with one command under way, on a connection of its own to whoever leads."""

    def __init__(self, ports: list[int], client: int, secret: bytes = SECRET) -> None:
        self.ports = ports
        self.client = client
        self._secret = secret
        self.number = 0
        self.done = 0
        self.server = 0
        self._connect()

    def _connect(self) -> None:
        while True:
            try:
                self.sock = socket.create_connection(("127.0.0.1", self.ports[self.server]), 1)
                break
            except OSError:
                self.server = (self.server + 1) % SERVERS
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        me = Introduce(1000 + self.client, False, Client(self.client, watches=False))
        self.connection = Connection(self._secret, os.urandom(32), me, dialled=True)
        self._flush()

    def _flush(self) -> None:
        self.sock.sendall(self.connection.outgoing)
        self.connection.outgoing.clear()

    def send(self) -> None:
        """Send the next command."""
        self.number += 1
        self._say()

    def _say(self) -> None:
        if self.connection.peer is not None:  # otherwise when the connection is open
            self.connection.send(Submit(self.number, 0, TEXT))
            self._flush()

    def take(self) -> bool:
        """Take in what has come; return whether the command has been carried out."""
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.move((self.server + 1) % SERVERS)
            return False
        is_done = False
        for message in self.connection.receive(data):
            if isinstance(message, Introduce):
                self._flush()
                if self.number > self.done:
                    self._say()
            elif isinstance(message, Answered) and message.number == self.number > self.done:
                self.done = self.number
                is_done = True
            elif isinstance(message, Redirect):
                self.move((self.server + 1) % SERVERS if message.leader is None else message.leader)
                return False
        self._flush() if self.connection.outgoing else None
        return is_done

    def move(self, server: int) -> None:
        """Go on with another server."""
        self.sock.close()
        self.server = server
        self._connect()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster whose directories are in the working directory's file system."""
    with TemporaryDirectory(dir=".") as folder:
        made = Cluster(Path(folder))
        try:
            for server in range(SERVERS):
                made.start(server)
            yield made
        finally:
            for server in list(made.pids):
                made.kill(server)


class Speaker(Protocol):
    """A client with one command under way: it has sent ``number``, and ``done`` are carried out."""

    number: int
    done: int
    sock: socket.socket

    def send(self) -> None: ...
    def take(self) -> bool: ...


def drive(sessions: Sequence[Speaker], count: int) -> float:
    """Let sessions have so many commands carried out in all; return how many seconds that took."""
    began = monotonic()
    for session in sessions:
        session.send()
    left = count
    while left > 0:
        by_fd = {session.sock.fileno(): session for session in sessions}
        for fd in select.select(list(by_fd), [], [], 1.0)[0]:
            session = by_fd[fd]
            if session.take():
                left -= 1
                session.send()
    for session in sessions:
        while session.done < session.number:
            session.take()
    return monotonic() - began


def commands(*, quick: bool) -> list[Row]:
    """Commands a second with one client that waits each time, and with 64; how soon a killed leader is
    replaced."""
    rows = []
    with cluster() as running:
        one = [Session(running.ports, 1)]
        drive(one, 20)
        few, many = (200, 2_000) if quick else (3_000, 40_000)
        rates = [few / drive(one, few) for _ in range(3)]
        rows.append(
            Row("decided and durable, one client waiting", f"{median(rates):,.0f} /s", goal="1,500 /s")
        )
        crowd = [Session(running.ports, client) for client in range(2, 66)]
        drive(crowd, 128)
        before, own = running.cpu_s(), process_time()
        rates = [many / drive(crowd, many) for _ in range(3)]
        rows.append(Row("the same, 64 clients", f"{median(rates):,.0f} /s", goal="15,000 /s"))
        spent_us = (running.cpu_s() - before) / (3 * many) * 1e6
        rows.append(Row("processor time of three servers for each", f"{spent_us:.0f} us"))
        rows.append(Row("and of the clients", f"{(process_time() - own) / (3 * many) * 1e6:.0f} us"))
        rows.append(Row("memory of a server for itself", f"{running.memory_mb():.1f} MB"))
        waits = [replace_leader(running, one[0]) for _ in range(3 if quick else 15)]
        gave = f"{median(waits) * 1e3:.0f} ms, at most {max(waits) * 1e3:.0f}"
        rows.append(
            Row("a killed leader: until the next decision", gave, goal=f"{3 * HEARTBEAT_S * 1e3:.0f} ms")
        )
    return rows


def replace_leader(running: Cluster, session: Session) -> float:
    """Kill whoever leads; return how many seconds it takes until the next command is carried out."""
    drive([session], 5)
    leader = session.server
    running.kill(leader)
    began = monotonic()
    session.send()
    while session.done < session.number:
        if not select.select([session.sock], [], [], HEARTBEAT_S)[0]:
            session.move((session.server + 1) % SERVERS)
        else:
            session.take()
    waited = monotonic() - began
    running.start(leader)
    return waited


if __name__ == "__main__":
    from benchmarks.table import print_table

    print_table(commands(quick=False))
