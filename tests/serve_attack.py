"""An attack on live servers that last: frames of every bad kind, while clients go on working.

    python -m tests.serve_attack --frames 1000000 --seed 1

As tests.attack, whose frames these are, on two processes of `bayou serve`. To them come requests with hostile
values (tests.hostile_asks), handshakes with a wrong secret, and members who begin a frame and say a byte of
it now and then. In the end both servers have to run and to be level, and what clients wrote has to be there.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from bayou.host.acquaintances import PROTOCOL
from bayou.host.caller import CallFailed
from bayou.host.secrets import read_secrets
from bayou.node.messages import OK, Hello
from bayou.wire.connection import NONCE_BYTES, Connection, Identity, Introduce
from bayou.wire.errors import WireError
from tests.attack import SLOW_KEPT, Attack, Figures
from tests.hostile_asks import hostile_request
from tests.processes import wait_until
from tests.serving import PATIENCE_S, Servers

ROWS = 300
"""How many rows there are beside those that the clients write, so that reads have something to read."""

KEPT = 50
"""How many writes stay in the log: most of what is read comes from the file."""

TOLD_EACH = 50_000
"""After so many frames somebody who waits is told how it goes."""

ROUND = 50
"""After so many writes the clients write to the same rows again."""


class ServeAttack(Attack):
    """Servers that last under attack, and the attacker."""

    kinds: ClassVar[dict[str, float]] = {
        "friend": 55, "asks": 35, "stranger": 4, "wrong_secret": 4, "endless": 1, "slow": 0.5,
        "dripping": 0.5,
    }  # fmt: skip

    def __init__(self, seed: int, folder: Path, count: int = 2) -> None:
        self.rng = random.Random(seed)
        self.figures = Figures()
        self.servers = Servers(folder, count)
        self.servers.start_all("--log-level", "info", "--keep-writes", str(KEPT))
        (self.secret,) = read_secrets(str(self.servers[0].secret))
        with self.servers[0].session() as session:
            for at in range(ROWS):
                session.put(f"row-{at}", "v" * (at % 30 * 100))
        self.servers.wait_level()
        wait_until(lambda: self.servers[0].stand().omitted_csn >= ROWS - KEPT, PATIENCE_S)
        self.figures.memory_first_kb = max(map(self._memory_kb, range(count)))
        self.descriptors_first = max(map(self._descriptors, range(count)))
        self._peer: tuple[socket.socket, Connection] | None = None
        self._asker: socket.socket | None = None
        self._held: list[socket.socket] = []
        self._dripped: list[socket.socket] = []
        self._next_id = 1
        self.turned_away = 0
        self._told_at = 0
        self._began = time.monotonic()
        self._written: dict[str, str] = {}

    def close(self) -> None:
        self.let_go()
        for server in self.servers.all:
            server.kill()

    def _dial(self) -> socket.socket:
        self.figures.connections += 1
        server = self.servers[self.rng.randrange(len(self.servers.all))]
        return socket.create_connection((server.host, server.port), timeout=30)

    def _introduce(self) -> tuple[socket.socket, Connection]:
        """Come as a client, or as a server that has no name yet."""
        self._peer = self._let_in(is_server=self.rng.random() < 0.5)
        return self._peer

    def _let_in(self, *, is_server: bool) -> tuple[socket.socket, Connection]:
        """Come with the secret; whoever is not let in, in a crowd of strangers, tries again."""
        while True:
            try:
                return self._introduced(self.secret, is_server=is_server)
            except ConnectionError:
                self.turned_away += 1
                if any(server.has_ended for server in self.servers.all):
                    raise

    def _introduced(self, secret: bytes, *, is_server: bool) -> tuple[socket.socket, Connection]:
        self._next_id += 1
        who = Identity("", None, 0, self.rng.getrandbits(62), PROTOCOL)
        me = Introduce(self._next_id, is_server, Hello(is_server), who)
        sock = self._dial()
        try:
            connection = Connection(secret, self.rng.randbytes(NONCE_BYTES), me, dialled=True)
            while connection.peer is None:
                sock.sendall(connection.outgoing)
                connection.outgoing.clear()
                data = sock.recv(4096)
                if not data:
                    raise ConnectionError("sent away")
                list(connection.receive(data))
        except BaseException:
            sock.close()
            raise
        return sock, connection

    def let_go(self) -> None:
        """Close all connections."""
        for sock in (*self._held, *self._dripped, *([self._asker] if self._asker is not None else ())):
            sock.close()
        self._held.clear()
        self._dripped.clear()
        self._asker = None
        self._hang_up()

    # More kinds of attack.

    def _asks(self) -> None:
        """A client asks for what it had better not. Answers are read, some of them late."""
        if self._asker is None:
            self._asker, _ = self._let_in(is_server=False)
            self._asker.settimeout(30)
        self.figures.frames["hostile asks"] += 1
        payload = hostile_request(self.rng, sum(self.figures.frames.values()))
        is_over = False
        try:
            self._asker.sendall(len(payload).to_bytes(4, "big") + payload)
            if self.rng.random() < 0.5:
                is_over = _is_over(self._asker)
        except OSError:
            is_over = True
        if is_over:
            self.figures.refused += 1
            self._asker.close()
            self._asker = None

    def _wrong_secret(self) -> None:
        """Somebody who takes part in the handshake, with another secret."""
        self.figures.frames["wrong secret"] += 1
        try:
            sock, _ = self._introduced(
                self.rng.randbytes(len(self.secret)), is_server=self.rng.random() < 0.5
            )
        except (OSError, WireError):
            self.figures.refused += 1
        else:
            sock.close()
            self.figures.failed += 1  # it was let in

    def _dripping(self) -> None:
        """Members that begin a frame, and say a byte of it whenever there is a new one of them."""
        self.figures.frames["dripping"] += 1
        sock, _ = self._let_in(is_server=self.rng.random() < 0.5)
        sock.sendall((1 << 20).to_bytes(4, "big"))
        self._dripped.append(sock)
        if len(self._dripped) > SLOW_KEPT:
            self._dripped.pop(0).close()
        for each in list(self._dripped):
            try:
                each.sendall(b"\x80")
            except OSError:
                self._dripped.remove(each)
                self.figures.refused += 1
                each.close()

    # The system.

    def _work(self, number: int) -> None:
        """A client of each server comes, writes, and reads it again."""
        for at, server in enumerate(self.servers.all):
            key, value = f"key-{at}-{number % ROUND}", f"value-{number}"
            began = time.monotonic()
            with server.session() as session:
                is_put = session.put(key, value).verdict == OK
                is_there = session.get(key) == value
            self.figures.slowest_s = max(self.figures.slowest_s, time.monotonic() - began)
            self.figures.requests += 2
            self.figures.failed += not (is_put and is_there)
            self._written[key] = value

    def lines(self) -> list[str]:
        """Return what it has come to so far."""
        took_s = time.monotonic() - self._began
        took = f"turned away with the right secret: {self.turned_away}; it took {took_s:.0f} s"
        return [*self.figures.lines(), f"descriptors before: {self.descriptors_first}", took]

    def are_all_there(self) -> bool:
        """Whether each server has what the clients have written last to each row."""
        with contextlib.ExitStack() as stack:
            for server in self.servers.all:
                session = stack.enter_context(server.session())
                if any(session.get(key) != value for key, value in self._written.items()):
                    return False
        return True

    def is_well(self) -> bool:
        """Print how the servers stand after all; return whether that is as it should be."""
        for server in self.servers.all:
            if server.has_ended:
                print(f"server {server.name} has ended:\n{server.told()[-3000:]}")
                return False
        self.servers.wait_level()
        is_whole = self.are_all_there()
        after = max(self._memory_kb(at, "VmRSS") for at in range(len(self.servers.all)))
        print(f"afterwards: {after:,} kB, level, {'all' if is_whole else 'NOT all'} writes there")
        return is_whole

    def _measure(self) -> None:
        count = sum(self.figures.frames.values())
        if count >= self._told_at + TOLD_EACH:
            self._told_at = count
            print(*self.lines(), "", sep="\n", file=sys.stderr, flush=True)
        for at in range(len(self.servers.all)):
            self.figures.memory_max_kb = max(self.figures.memory_max_kb, self._memory_kb(at))
            self.figures.descriptors_max = max(self.figures.descriptors_max, self._descriptors(at))

    def _descriptors(self, server: int) -> int:
        process = self.servers[server].process
        assert process is not None
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    def _memory_kb(self, server: int, which: str = "VmHWM") -> int:
        process = self.servers[server].process
        assert process is not None
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.split(f"{which}:")[1].split()[0])


def _is_over(sock: socket.socket) -> bool:
    """Read what there is; return whether the other end has closed the connection."""
    sock.setblocking(False)
    try:
        while sock.recv(1 << 18):
            pass
    except BlockingIOError:
        sock.settimeout(30)
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.serve_attack", description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="how many to send (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serve-attack-") as folder:
        attack = ServeAttack(options.seed, Path(folder))
        try:
            try:
                attack.send(options.frames)
            except (OSError, CallFailed) as error:
                print(error)
                attack.figures.failed += 1
            except KeyboardInterrupt:
                pass  # then this is what has come to pass so far
            attack.let_go()
            print(*attack.lines(), sep="\n", flush=True)
            is_well = attack.is_well()
        finally:
            attack.close()
    return 0 if is_well and not attack.figures.failed else 1


if __name__ == "__main__":
    sys.exit(main())
