"""An attack on live servers that last: frames of every bad kind, while clients go on working.

    python -m tests.serve_attack --frames 1000000 --seed 1

As tests.attack, whose frames these are, on processes of `bayou serve`.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import sys
import tempfile
import time
from pathlib import Path

from bayou.host.acquaintances import PROTOCOL
from bayou.host.secrets import read_secrets
from bayou.node.messages import OK, Hello
from bayou.wire.connection import NONCE_BYTES, Connection, Identity, Introduce
from tests.attack import Attack, Figures
from tests.serving import Servers


class ServeAttack(Attack):
    """Servers that last under attack, and the attacker."""

    def __init__(self, seed: int, folder: Path, count: int = 2) -> None:
        self.rng = random.Random(seed)
        self.figures = Figures()
        self.servers = Servers(folder, count)
        self.servers.start_all("--log-level", "warning")
        (self.secret,) = read_secrets(str(self.servers[0].secret))
        self.figures.memory_first_kb = max(map(self._memory_kb, range(count)))
        self._peer: tuple[socket.socket, Connection] | None = None
        self._held: list[socket.socket] = []
        self._next_id = 1

    def close(self) -> None:
        for sock in self._held:
            sock.close()
        self._hang_up()
        for server in self.servers.all:
            server.kill()

    def _dial(self) -> socket.socket:
        self.figures.connections += 1
        server = self.servers[self.rng.randrange(len(self.servers.all))]
        return socket.create_connection((server.host, server.port), timeout=30)

    def _introduce(self) -> tuple[socket.socket, Connection]:
        """Come as a client, or as a server that has no name yet."""
        self._next_id += 1
        is_server = self.rng.random() < 0.5
        who = Identity("", None, 0, self.rng.getrandbits(62), PROTOCOL)
        me = Introduce(self._next_id, is_server, Hello(is_server), who)
        sock = self._dial()
        connection = Connection(self.secret, os.urandom(NONCE_BYTES), me, dialled=True)
        while connection.peer is None:
            sock.sendall(connection.outgoing)
            connection.outgoing.clear()
            list(connection.receive(sock.recv(4096)))
        self._peer = sock, connection
        return self._peer

    def _work(self, number: int) -> None:
        """A client of each server comes, writes, and reads it again."""
        for at, server in enumerate(self.servers.all):
            began = time.monotonic()
            with server.session() as session:
                is_put = session.put(f"key-{at}-{number % 50}", f"value-{number}").verdict == OK
                is_there = session.get(f"key-{at}-{number % 50}") == f"value-{number}"
            self.figures.slowest_s = max(self.figures.slowest_s, time.monotonic() - began)
            self.figures.requests += 2
            self.figures.failed += not (is_put and is_there)

    def _measure(self) -> None:
        for at, server in enumerate(self.servers.all):
            self.figures.memory_max_kb = max(self.figures.memory_max_kb, self._memory_kb(at))
            assert server.process is not None
            descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
            self.figures.descriptors_max = max(self.figures.descriptors_max, descriptors)

    def _memory_kb(self, server: int) -> int:
        process = self.servers[server].process
        assert process is not None
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.serve_attack", description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="how many to send (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attack = ServeAttack(options.seed, Path(folder))
        try:
            figures = attack.send(options.frames)
            are_level = attack.servers.are_level
            ended = [server.name for server in attack.servers.all if server.has_ended]
            began = time.monotonic()
            while not ended and not are_level() and time.monotonic() < began + 30:
                pass
            figures.failed += bool(ended) or not are_level()
        finally:
            attack.close()
    print("\n".join(figures.lines()), flush=True)
    return 1 if figures.failed else 0


if __name__ == "__main__":
    sys.exit(main())
