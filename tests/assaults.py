"""Assaults on live servers, about load rather than single frames: floods, crowds, giant and deep messages,
unread standard error, few descriptors. tests.attack runs them; each takes some seconds.

While the assailants, in processes of their own, do their worst, clients go on working, and every request of
theirs is timed. All of it stays on the loopback address, and ends by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.vector import STAMP_MAX, START, VersionVector
from bayou.core.write import PUT, Write
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.node.messages import AntiEntropy, End, Get, HandOver, Pull, Put, Request
from bayou.wire.codec import encode
from bayou.wire.columns import NAMES_MAX
from bayou.wire.connection import (
    LINK_FRAME_BYTES_MAX,
    MAGIC,
    NONCE_BYTES,
    PROOF_BYTES,
    Connection,
)
from bayou.wire.errors import WireError
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from tests.messages import introduction
from tests.rows import place, row
from tests.test_wire_codec import message_from, pull_with

SECRET = bytes(range(32))
SERVERS = 3
MOST_CONNECTIONS = 150_000
"""How often an assailant knocks at most."""


@dataclass
class Outcome:
    """What an assault came to."""

    what: str
    attacks: int = 0
    requests: int = 0
    failed: int = 0
    slowest_s: float = 0.0
    join_s: float = 0.0
    memory_before_kb: int = 0
    memory_most_kb: int = 0
    memory_after_kb: int = 0

    def line(self) -> str:
        grown = (self.memory_most_kb - self.memory_before_kb) / 1000
        kept = (self.memory_after_kb - self.memory_before_kb) / 1000
        return (
            f"{self.what}: {self.attacks:,} attacks; {self.requests:,} requests meanwhile, "
            f"{self.failed} failed, slowest {self.slowest_s:.3f} s, joinServer {self.join_s:.2f} s; "
            f"memory {grown:+.0f} MB at most, {kept:+.0f} MB afterwards"
        )


class Assailant:
    """One who attacks, in a process of its own: where, as whom, and for how long from the first blow on."""

    def __init__(self, ports: list[int], number: int, seconds: float) -> None:
        self.ports = ports
        self.rng = random.Random(number)
        self.number = number
        self.seconds = seconds
        self.until: float | None = None
        self.attacks = 0
        self._next_id = 10_000 * (number + 1)

    def goes_on(self) -> bool:
        if self.until is None:
            self.until = time.monotonic() + self.seconds
        return time.monotonic() < self.until and self.attacks < MOST_CONNECTIONS

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.rng.choice(self.ports)), timeout=2)

    def introduced(self, *, is_server: bool) -> tuple[socket.socket, Connection]:
        """Connect as a member, which knows the secret."""
        self._next_id += 1
        me = introduction(self._next_id, is_server=is_server)
        sock = self.dial()
        connection = Connection(SECRET, os.urandom(NONCE_BYTES), me, dialled=True)
        while connection.peer is None:
            sock.sendall(connection.outgoing)
            connection.outgoing.clear()
            data = sock.recv(4096)
            if not data:
                raise ConnectionError("sent away")
            list(connection.receive(data))
        return sock, connection

    def frames(self, make: Callable[[int], bytes]) -> None:
        """Send frames over one connection after another, as fast as they are taken."""
        while self.goes_on():
            try:
                sock, _ = self.introduced(is_server=self.rng.random() < 0.5)
                with sock:
                    sock.settimeout(0.2)
                    while self.goes_on():
                        payload = make(self.attacks)
                        self.attacks += 1
                        sock.sendall(len(payload).to_bytes(4, "big") + payload)
                        sock.setblocking(False)
                        try:
                            while sock.recv(1 << 16):
                                pass
                            break
                        except BlockingIOError:
                            sock.settimeout(0.2)
            except (OSError, WireError):
                time.sleep(0.001)


# The assaults: each is what an assailant does.


def false_hellos(me: Assailant) -> None:
    """Strangers, one after another without a pause, that pretend to know the secret."""
    while me.goes_on():
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # leave no trace behind
        try:
            try:
                sock.connect(("127.0.0.1", me.rng.choice(me.ports)))
            except BlockingIOError:
                pass
            sock.send(MAGIC + me.rng.randbytes(NONCE_BYTES + PROOF_BYTES))
            me.attacks += 1
        except OSError:
            pass
        finally:
            sock.close()


def silence(me: Assailant) -> None:
    """Strangers that connect and say nothing, many at a time."""
    held: list[socket.socket] = []
    while me.goes_on():
        try:
            held.append(me.dial())
            me.attacks += 1
        except OSError:
            pass
        if len(held) > 60:
            held.pop(0).close()


def pipelined_gets(me: Assailant) -> None:
    """Members that ask without waiting for the answers, which they read."""
    connections = [me.introduced(is_server=False) for _ in range(10)]
    asked = [Request(me.number * 100 + at, 1, Get(*place("song1")), START, None) for at in range(10)]
    while me.goes_on():
        for (sock, connection), request in zip(connections, asked, strict=True):
            sock.setblocking(False)
            if not connection.outgoing:
                for number in range(200):
                    numbered = Request(
                        request.session, me.attacks + number, Get(*place("song1")), START, None
                    )
                    connection.send(numbered)
                me.attacks += 200
            try:
                del connection.outgoing[: sock.send(connection.outgoing)]
            except OSError:
                pass
            try:
                while sock.recv(1 << 18):
                    pass
            except OSError:
                pass


def unread_answers(me: Assailant) -> None:
    """Members that ask for all there is, and do not read it."""
    connections = [me.introduced(is_server=at % 2 == 0) for at in range(10)]
    while me.goes_on():
        for at, (sock, connection) in enumerate(connections):
            sock.setblocking(False)
            if not connection.outgoing:
                me.attacks += 1
                connection.send(Pull(me.attacks, "gossip", 0, START))
                connection.send(Request(me.number * 100 + at, me.attacks, Get(*place("big")), None, None))
            try:
                del connection.outgoing[: sock.send(connection.outgoing)]
            except BlockingIOError:
                pass
            except OSError:
                connection.outgoing.clear()
                time.sleep(0.001)


def deep_names(me: Assailant) -> None:
    """Members whose vectors name as many servers as can be, and more than can be, in requests and pulls."""
    full = []
    for first in range(4):
        deep = Name.of(tuple(range(NAMES_MAX + first, first, -1)))
        wide = [Name.of((1000 * (first + 1) + at,)) for at in range(NAMES_MAX)]
        for vector in (VersionVector({deep: STAMP_MAX}), VersionVector(dict.fromkeys(wide, STAMP_MAX))):
            full.append(encode(Pull(1, "gossip", 0, vector)))
            full.append(encode(Request(me.number, 1, Get(*place("song1")), vector, vector)))
    numbers = b"".join(number.to_bytes(2, "little") for number in range(32_000))
    too_deep = pull_with((b"\2" + numbers, b"\2" + numbers, b"\1\0"), b"\1\0")
    as_a_tuple = message_from("AskHeir", 1, tuple(range(32_000, 0, -1)))
    me.frames(lambda at: me.rng.choice([*full, too_deep, as_a_tuple]))


def giant_frames(me: Assailant) -> None:
    """Members whose frames are as large as can be, or larger, full of numbers, writes or text."""
    size = LINK_FRAME_BYTES_MAX - 1000
    big = b"\1" + bytes(size)
    shared = (b"\1", b"\1", b"\1\0")
    few = size // 6
    numbers = b"\1" + bytes(few)
    columns = (shared, numbers, numbers, bytes(few), "/a", numbers, numbers, "s", bytes(few), b"\1", "")
    wide = "u" * (size // 4) + "\U0001f600" + "u" * (size // 2)
    payloads = [
        pull_with(shared, big),
        pull_with((b"\1" + bytes(size // 2), b"\1" + bytes(size // 2), b"\1\0"), b"\1\0"),
        message_from(1, 0, (0, 0, columns), None, cls=AntiEntropy),
        message_from("Request", 1, 1, "put", "playlist", "song", f'"{"u" * size}"', None, None, "full"),
        message_from("Request", 1, 1, "put", "playlist", "song", f'"{wide}"', None, None, "full"),
        message_from("Waiting", ("line",) * 60_000),
        message_from("Converge", 1, None, bytes(size), 0),
        bytes(60_000_000),
    ]
    me.frames(lambda at: me.rng.choice(payloads))


def unfinished_frames(me: Assailant) -> None:
    """Members that begin a frame of eight megabytes, never end it, and keep the connection."""
    held = []
    while me.goes_on():
        try:
            sock, _ = me.introduced(is_server=True)
            held.append(sock)
            sock.settimeout(0.2)
            sock.sendall(LINK_FRAME_BYTES_MAX.to_bytes(4, "big") + bytes(LINK_FRAME_BYTES_MAX - 100))
            me.attacks += 1
        except (OSError, WireError):
            time.sleep(0.01)
        if len(held) > 30:
            held.pop(0).close()


def too_long(me: Assailant) -> None:
    """Members that put songs and URLs beyond the limit: no other server may have to pay for them."""
    song, url = "s" * 1025, "u" * ((1 << 20) + 1)
    puts = [("s", url), (song, "u"), ("s", "u" * 5_000_000)]
    made = [encode(Request(me.number, 1, Put(*row(song, url)), None, None)) for song, url in puts]
    me.frames(lambda at: made[at % len(made)])


def stamps_at_their_limit(me: Assailant) -> None:
    """Servers that offer to hand over what they have: writes from the end of time."""
    while me.goes_on():
        try:
            sock, connection = me.introduced(is_server=True)
            with sock:
                me.attacks += 1
                connection.send(HandOver(me.attacks))
                sock.sendall(connection.outgoing)
                connection.outgoing.clear()
                pull: Message | None = None
                while not isinstance(pull, Pull):
                    data = sock.recv(1 << 16)
                    if not data:
                        raise ConnectionError("sent away")
                    pull = next((each for each in connection.receive(data) if isinstance(each, Pull)), None)
                known = [name for name in pull.vector.names if pull.vector.completed(name) > 0]
                stamp = me.rng.choice((STAMP_MAX, STAMP_MAX - 1, STAMP_MAX // 2))
                evil = [Write(stamp, name, PUT, *row("evil", "evil")) for name in known[:1]]
                connection.send(AntiEntropy(pull.serial, 0, Items(pull.csn, [], evil), End(0, pull.vector)))
                sock.sendall(connection.outgoing)
                sock.settimeout(0.05)
                while sock.recv(1 << 16):
                    pass
        except (OSError, WireError):
            pass


@dataclass
class Kind:
    """A kind of assault: what is done, by how many, and on what system."""

    what: Callable[[Assailant], None]
    assailants: int = 2
    clients: int = 2
    descriptors: int | None = None
    big: bool = False
    joins: bool = True


KINDS = {
    "false hellos": Kind(false_hellos),
    "silent strangers": Kind(silence),
    "few descriptors": Kind(silence, clients=24, descriptors=40, joins=False),
    "pipelined gets": Kind(pipelined_gets),
    "unread answers": Kind(unread_answers, big=True),
    "deep names": Kind(deep_names),
    "giant frames": Kind(giant_frames),
    "unfinished frames": Kind(unfinished_frames),
    "too long": Kind(too_long),
    "stamps at their limit": Kind(stamps_at_their_limit, assailants=1),
}


@contextmanager
def unread_standard_error() -> Iterator[None]:
    """What is started within has a standard error that nobody reads, and that is full already."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
    kept = os.dup(2)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        _kept_open.append(reader)


_kept_open: list[int] = []


class Besieged:
    """Servers and clients in processes of their own, whose secret the assailants may know."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        if kind.descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (kind.descriptors, limits[1]))
        try:
            with unread_standard_error():
                self.world = ProcessWorld(WorldSettings(deadline_s=15), secret=SECRET)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.out: list[bytes] = []
        self.told: list[str] = []
        self.run = Run(self.world, COMMANDS, write=self.out.append, complain=self.told.append)
        self.clients = [100 + number for number in range(kind.clients)]
        self.say(*(f"joinServer {server}" for server in range(SERVERS)))
        at = (lambda number: 0) if kind.descriptors else (lambda number: number % SERVERS)
        self.say(*(f"joinClient {client} {at(number)}" for number, client in enumerate(self.clients)))
        if kind.big:
            self.say(*(f"put 100 big{number} {'u' * 1_000_000}" for number in range(6)))
            self.say(f"put 100 big {'u' * 1_000_000}")

    def close(self) -> None:
        self.world.close()
        while _kept_open:
            os.close(_kept_open.pop())

    def say(self, *lines: str) -> bytes:
        self.out.clear()
        for line in lines:
            self.run.line(1, line.encode())
        return b"".join(self.out)

    def endure(self, what: str, seconds: float) -> Outcome:
        """Go on working while the assault lasts, and measure."""
        outcome = Outcome(what, memory_before_kb=self._memory_kb("VmRSS"))
        for server in range(SERVERS):
            Path(f"/proc/{self.world.pids[server]}/clear_refs").write_text("5")  # forget the most so far
        context = multiprocessing.get_context("fork")
        counted = context.Queue()
        ports = [self.world.ports[server] for server in range(SERVERS)]

        def attack(number: int) -> None:
            me = Assailant(ports, number, seconds)
            try:
                self.kind.what(me)
            except (OSError, WireError):
                pass
            counted.put(me.attacks)

        assailants = [
            context.Process(target=attack, args=(number,)) for number in range(self.kind.assailants)
        ]
        for assailant in assailants:
            assailant.start()
        try:
            self._work(outcome, lambda: any(assailant.is_alive() for assailant in assailants))
        finally:
            for _ in assailants:
                outcome.attacks += counted.get(timeout=seconds + 30)
            for assailant in assailants:
                assailant.join()
        self._work(outcome, lambda: False)
        outcome.failed += len(self.told)
        outcome.memory_most_kb = self._memory_kb("VmHWM")
        patience = time.monotonic() + 5
        while True:
            outcome.memory_after_kb = self._memory_kb("VmRSS")
            if outcome.memory_after_kb < outcome.memory_before_kb + 20_000 or time.monotonic() > patience:
                return outcome
            self._work(outcome, lambda: False)

    def _work(self, outcome: Outcome, goes_on: Callable[[], bool]) -> None:
        """Write and read, at least once, and let a server join in the middle of it."""
        while True:
            number = outcome.requests
            writer, reader = self.clients[number % len(self.clients)], self.clients[-1]
            for line, answer in (
                (f"put {writer} song{number % 50} url{number}", b""),
                (f"get {reader} song{number % 50}", f"song{number % 50}:url{number}\n".encode()),
            ):
                began = time.monotonic()
                said = self.say(line)
                outcome.slowest_s = max(outcome.slowest_s, time.monotonic() - began)
                outcome.requests += 1
                outcome.failed += said != answer
            if self.kind.joins and not outcome.join_s and goes_on():
                began = time.monotonic()
                self.say("joinServer 77")
                outcome.join_s = time.monotonic() - began
                self.say("retireServer 77")
            if not goes_on():
                return

    def _memory_kb(self, which: str) -> int:
        def of(pid: int) -> int:
            return int(Path(f"/proc/{pid}/status").read_text().split(f"{which}:")[1].split()[0])

        return max(of(self.world.pids[server]) for server in range(SERVERS))


def assault(name: str, seconds: float) -> Outcome:
    """Carry out one kind of assault on a system made for it."""
    besieged = Besieged(KINDS[name])
    try:
        return besieged.endure(name, seconds)
    finally:
        besieged.close()
