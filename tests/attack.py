"""An attack on live servers: frames of every bad kind, while clients go on working.

    python -m tests.attack --frames 200000 --seed 1 --seconds 5

prints how many frames of each kind were sent, what became of the connections, how many requests of the
clients were served meanwhile, and how much memory and how many descriptors the servers came to need. Each
frame is a function of the seed and its number. Then come the assaults of tests.assaults, some seconds each.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from bayou.core.errors import BayouError
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.vector import START, VersionVector
from bayou.core.write import PUT, Write
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.node.messages import (
    AntiEntropy,
    AskHeir,
    Continue,
    Created,
    Declined,
    End,
    Gather,
    Get,
    HandOver,
    News,
    NotNow,
    Pull,
    Request,
    TakenOver,
    Willing,
)
from bayou.wire.codec import decode, encode
from bayou.wire.connection import MAGIC, NONCE_BYTES, PROOF_BYTES, Connection
from bayou.wire.errors import WireError
from bayou.wire.frames import FRAME_BYTES_MAX
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from tests.assaults import KINDS, assault
from tests.messages import introduction
from tests.rows import place, row

SERVERS = 3
CLIENTS = (50, 51)
FIRST_STRANGER = 1000
SLOW_KEPT = 40
"""How many slow connections are held open at a time."""

WRITE = Write(7, ROOT.child(1), PUT, *row("evil", "evil"))
MESSAGES: tuple[Message, ...] = (
    Pull(1, "join", 0, START),
    AntiEntropy(1, 0, Items(0, [WRITE], []), End(3, START)),
    AntiEntropy(5, 2, Items(9, [], [WRITE] * 30)),
    Continue(3, 1),
    Gather(1, 2, 3, VersionVector({ROOT: 9, ROOT.child(1): 4})),
    Created(4, WRITE, 1, START),
    AskHeir(1, ROOT.child(5)),
    Willing(1, ROOT.child(5)),
    HandOver(8),
    TakenOver(8, 1, START),
    Declined(3),
    News(4, START),
    NotNow(2),
    Request(1, 1, Get(*place("song")), START, START),
    introduction(7, is_server=True),
)


class Bomb:
    """Pickles as a call of something that a pickle has no business calling."""

    def __init__(self, *reduced: object) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[object, ...]:
        return self.reduced


def random_bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((1, 10, 100, 5000)))


def mutated(rng: random.Random) -> bytes:
    """A message of ours with some bytes changed, added or left out."""
    payload = bytearray(encode(rng.choice(MESSAGES)))
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(payload) + 1)
        payload[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
    return bytes(payload)


def hostile_pickle(rng: random.Random) -> bytes:
    """A pickle that calls what it must not, fills the memory or nests without end."""
    bombs: list[Callable[[], bytes]] = [
        lambda: pickle.dumps(Bomb(os.system, ("false",)), rng.randrange(6)),
        lambda: pickle.dumps(Bomb(eval, ("1/0",)), rng.randrange(6)),
        lambda: pickle.dumps(Bomb(bytearray, (1 << 40,)), rng.randrange(6)),
        lambda: pickle.dumps(Bomb(Message.KINDS.get, ("Pull",)), 4),
        lambda: b"\x80\x04" + b"(" * rng.randrange(1000, 100_000) + b"t.",
        lambda: b"\x80\x04)" + b"\x85" * rng.randrange(1000, 100_000) + b".",
        lambda: b"\x80\x05\x8d" + rng.randbytes(8) + b"x.",
        lambda: b"\x80\x04N" + b"r" + rng.randbytes(4) + b".",
        lambda: b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        lambda: pickle.dumps(list(range(rng.randrange(1000))), 4),
    ]
    return rng.choice(bombs)()


def wrong_contents(rng: random.Random) -> bytes:
    """The right classes with fields that don't fit."""

    class Sender(pickle.Pickler):
        def reducer_override(self, value: object) -> Any:
            return (rng.choice((Message, AntiEntropy)), plain) if isinstance(value, Bomb) else NotImplemented

    odd = (
        None,
        True,
        -1,
        1 << 70,
        "text",
        b"bytes",
        (),
        ((b"\x01\x00", b"\x01"), b"\x01\x09"),
        (1, (2, (3,))),
    )
    plain = tuple(rng.choice(odd) for _ in range(rng.randrange(8)))
    if rng.random() < 0.8:
        plain = (rng.choice([*sorted(Message.KINDS), "Nonsense"]), *plain)
    buffer = BytesIO()
    sender = Sender(buffer, 4)
    sender.fast = True
    sender.dump(Bomb())
    return buffer.getvalue()


PAYLOADS = (random_bytes, mutated, hostile_pickle, wrong_contents)


def has_effects(payload: bytes) -> bool:
    """Whether a member of the cluster may rightly say this, and change the store by it: no attack."""
    try:
        message = decode(payload)
    except WireError:
        return False
    return type(message).__name__ in ("AskRetire", "Create", "Request")


@dataclass
class Figures:
    """What an attack came to."""

    frames: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    refused: int = 0
    requests: int = 0
    failed: int = 0
    slowest_s: float = 0.0
    memory_first_kb: int = 0
    memory_max_kb: int = 0
    descriptors_max: int = 0

    def lines(self) -> list[str]:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.frames.items()))
        return [
            f"frames sent: {sum(self.frames.values()):,} ({kinds})",
            f"connections: {self.connections:,}, of which {self.refused:,} closed by the server",
            f"requests meanwhile: {self.requests:,}, failed: {self.failed}, slowest {self.slowest_s:.3f} s",
            f"largest memory of a server: {self.memory_max_kb:,} kB ({self.memory_first_kb:,} kB before)",
            f"most descriptors of a server: {self.descriptors_max}",
        ]


class Attack:
    """A system under attack, and the attacker. ``kinds``: of what is sent, and how often each."""

    kinds: ClassVar[dict[str, float]] = {"friend": 90, "stranger": 8, "endless": 1, "slow": 1}

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.figures = Figures()
        self.secret = bytes(range(32))
        self.world = ProcessWorld(WorldSettings(deadline_s=30), secret=self.secret)
        self.out: list[bytes] = []
        self.told: list[str] = []
        self.run = Run(self.world, COMMANDS, write=self.out.append, complain=self.told.append)
        lines = [f"joinServer {server}" for server in range(SERVERS)]
        lines += [f"joinClient {client} {at}" for at, client in enumerate(CLIENTS)]
        for line in lines:
            self._carry_out(line)
        self.figures.memory_first_kb = max(map(self._memory_kb, range(SERVERS)))
        self._peer: tuple[socket.socket, Connection] | None = None
        self._held: list[socket.socket] = []
        self._next_id = FIRST_STRANGER

    def close(self) -> None:
        for sock in self._held:
            sock.close()
        self._hang_up()
        self.world.close()

    def send(self, frames: int) -> Figures:
        """Send so many frames; after every hundredth the clients work, and the servers are measured."""
        for number in range(frames):
            kind = self.rng.choices(tuple(self.kinds), tuple(self.kinds.values()))[0]
            getattr(self, f"_{kind}")()
            if number % 100 == 0:
                self._work(number)
                self._measure()
                if sys.stderr.isatty():
                    print(f"\r{number:,} of {frames:,}", end="", file=sys.stderr)
        self._work(frames)
        return self.figures

    # Kinds of attack.

    def _friend(self) -> None:
        """Somebody who knows the secret sends a frame that is none, or nonsense in one."""
        make = self.rng.choice(PAYLOADS)
        payload = make(self.rng)
        if has_effects(payload):
            return
        sock, _ = self._peer or self._introduce()
        self.figures.frames[make.__name__.replace("_", " ")] += 1
        try:
            sock.sendall(len(payload).to_bytes(4, "big") + payload)
            sock.settimeout(0.0 if self.rng.random() < 0.5 else 0.002)
            while sock.recv(1 << 16):
                pass
            self._refused()
        except (BlockingIOError, TimeoutError):
            sock.settimeout(30)
        except OSError:
            self._refused()

    def _stranger(self) -> None:
        """Somebody who does not know the secret."""
        self.figures.frames["unauthenticated"] += 1
        with self._dial() as sock:
            hello = MAGIC + self.rng.randbytes(NONCE_BYTES)
            proof = self.rng.randbytes(PROOF_BYTES)
            said = self.rng.choice((hello + proof, hello, self.rng.randbytes(100), b"GET / HTTP/1.0\r\n\r\n"))
            sock.sendall(said)
            try:
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass
            except OSError:
                pass
            self.figures.refused += 1

    def _endless(self) -> None:
        """A frame that is announced as huge, or too huge, and of which a megabyte comes."""
        sock, _ = self._peer or self._introduce()
        self.figures.frames["endless"] += 1
        size = self.rng.choice((FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1, (1 << 32) - 1))
        try:
            sock.sendall(size.to_bytes(4, "big") + self.rng.randbytes(1 << 20))
        except OSError:
            pass
        self._refused()

    def _slow(self) -> None:
        """A connection on which something begins and never ends."""
        self.figures.frames["slow"] += 1
        sock = self._dial()
        sock.sendall(MAGIC[: self.rng.randrange(len(MAGIC))])
        self._held.append(sock)
        if len(self._held) > SLOW_KEPT:
            self._held.pop(0).close()

    # The attacker's connections.

    def _dial(self) -> socket.socket:
        self.figures.connections += 1
        port = self.world.ports[self.rng.randrange(SERVERS)]
        return socket.create_connection(("127.0.0.1", port), timeout=30)

    def _introduce(self) -> tuple[socket.socket, Connection]:
        self._next_id += 1
        me = introduction(self._next_id, is_server=self.rng.random() < 0.5)
        sock = self._dial()
        connection = Connection(self.secret, os.urandom(NONCE_BYTES), me, dialled=True)
        while connection.peer is None:
            sock.sendall(connection.outgoing)
            connection.outgoing.clear()
            list(connection.receive(sock.recv(4096)))
        self._peer = sock, connection
        return self._peer

    def _refused(self) -> None:
        self.figures.refused += 1
        self._hang_up()

    def _hang_up(self) -> None:
        if self._peer is not None:
            self._peer[0].close()
            self._peer = None

    # The system.

    def _carry_out(self, line: str) -> bytes:
        self.out.clear()
        began = time.monotonic()
        self.run.line(1, line.encode())
        self.figures.slowest_s = max(self.figures.slowest_s, time.monotonic() - began)
        return b"".join(self.out)

    def _work(self, number: int) -> None:
        """A client writes, and another one reads it elsewhere."""
        self._carry_out(f"put {CLIENTS[0]} song{number % 50} url{number}")
        read = self._carry_out(f"get {CLIENTS[1]} song{number % 50}")
        self.figures.requests += 2
        self.figures.failed += read != f"song{number % 50}:url{number}\n".encode() or bool(self.told)

    def _measure(self) -> None:
        for server in range(SERVERS):
            self.figures.memory_max_kb = max(self.figures.memory_max_kb, self._memory_kb(server))
            descriptors = len(os.listdir(f"/proc/{self.world.pids[server]}/fd"))
            self.figures.descriptors_max = max(self.figures.descriptors_max, descriptors)

    def _memory_kb(self, server: int) -> int:
        status = Path(f"/proc/{self.world.pids[server]}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000, help="how many to send (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5, help="how long each assault lasts (default: 5)")
    parser.add_argument("--only", choices=KINDS, action="append", help="just this assault, and no frames")
    options = parser.parse_args()
    failed = 0
    if not options.only:
        attack = Attack(options.seed)
        try:
            figures = attack.send(options.frames)
        finally:
            attack.close()
        print("\n".join(figures.lines()), flush=True)
        failed += figures.failed
    for kind in options.only or KINDS:
        try:
            outcome = assault(kind, options.seconds)
        except BayouError as error:
            failed += 1
            print(f"{kind}: the system did not go on: {error}", flush=True)
        else:
            failed += outcome.failed
            print(outcome.line(), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
