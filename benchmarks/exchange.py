"""Anti-entropy in bulk, over a socket, into the process of an empty server."""

from __future__ import annotations

import os
import random
import socket
import string
import time
from statistics import median

from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.rows import PLAYLIST
from bayou.core.values import text_value
from bayou.core.vector import VersionVector
from bayou.machine.effects import LinkUp, Received
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.node.life import ASKING
from bayou.node.messages import HandOver, Hello, TakenOver
from bayou.node.server import Server
from bayou.wire.connection import NONCE_BYTES, Connection, Introduce
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from benchmarks.table import Row

SECRET = bytes(range(32))
ME = 9


class Sender:
    """A server in this process, full of writes, that offers them to a server in another one."""

    def __init__(self, count: int) -> None:
        root = Replica(ROOT)
        for _ in range(2):
            name = root.create().created
        self.server = Server(ME, random.Random(1))
        self.server.life.enter(ASKING)
        self.server.become(name)
        self.server.activate()
        replica = self.server.replica
        replica.apply(root.beyond(0, VersionVector({ROOT: 0})))
        rng = random.Random(2)
        for _ in range(count):
            song, url = ("".join(rng.choices(string.ascii_letters, k=k)) for k in (10, 20))
            replica.put(PLAYLIST, song, text_value(url))
        replica.take_journal()
        self.sent_bytes = 0

    def hand_over(self, port: int) -> float:
        """Hand everything over; return the seconds from the offer until it is confirmed."""
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(
            SECRET, os.urandom(NONCE_BYTES), Introduce(ME, True, Hello(is_server=True)), dialled=True
        )
        while connection.peer is None:
            self._flush(sock, connection)
            list(connection.receive(sock.recv(65536)))
        self.server.step(0.0, LinkUp(1, Hello(is_server=True)))
        self.sent_bytes = 0
        connection.send(HandOver(1))
        began = time.perf_counter()
        while True:
            self._flush(sock, connection)
            for message in connection.receive(sock.recv(65536)):
                if isinstance(message, TakenOver):
                    sock.close()
                    return time.perf_counter() - began
                self._serve(connection, message)

    def _serve(self, connection: Connection, message: Message) -> None:
        for _, answer in self.server.step(0.0, Received(1, message)).sends:
            connection.send(answer)

    def _flush(self, sock: socket.socket, connection: Connection) -> None:
        self.sent_bytes += len(connection.outgoing)
        sock.sendall(connection.outgoing)
        connection.outgoing.clear()


def bulk(*, quick: bool) -> list[Row]:
    """100,000 writes of random text into an empty server, uncompressed."""
    count = 20_000 if quick else 100_000
    sender = Sender(count)
    seconds = []
    for _ in range(3 if quick else 7):
        world = ProcessWorld(WorldSettings(), secret=SECRET)
        run = Run(world, COMMANDS, write=lambda _: None)
        for number, line in enumerate(
            (b"pause", b"joinServer 0", b"joinServer 1", b"joinServer 2", b"start")
        ):
            run.line(number, line)
        seconds.append(sender.hand_over(world.ports[1]))
        world.close()
    return [
        Row(
            f"anti-entropy of {count:,} writes into an empty server",
            f"{count / median(seconds):,.0f} writes/s",
            "at least 150,000",
            "250,000",
        ),
        Row(
            "bytes a write beyond song and URL",
            f"{(sender.sent_bytes - 30 * count) / count:.1f}",
            "at most 30",
            "20",
        ),
    ]
