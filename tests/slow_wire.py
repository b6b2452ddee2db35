"""A wire that takes its time, between a server and all who connect to it: a small proxy for TCP.

    python -m tests.slow_wire LISTEN CONNECT MEAN_S SEED

accepts connections at LISTEN, connects to CONNECT for each, and passes on what comes from either end, later.
Each connection draws its own delay, from half to one and a half times the mean, and each piece that is read
differs from that by up to a quarter of the mean. Bytes of one connection stay in order, as TCP promises: what
is reordered are connections, of which one overtakes another. A line of JSON at the end, after SIGTERM, says
how many connections there were, how many pieces, and how many of these were overtaken by a piece of another
connection that had been read later.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from typing import NoReturn

from bayou.net.address import parse

PIECE_BYTES = 1 << 16
PIECES_MAX = 256
"""How many pieces are under way in one direction; then nothing more is read, so that memory is bounded."""

Way = asyncio.Queue[tuple[float, int, bytes]]
"""What is under way in one direction: when it is due, its number among all pieces, and what it is."""


class Wire:
    """The proxy, and what it counts."""

    def __init__(self, connect: str, mean_s: float, seed: int) -> None:
        self._connect = parse(connect)
        self._mean_s = mean_s
        self._rng = random.Random(seed)
        self._latest = 0
        self._carrying: set[asyncio.Task[None] | None] = set()
        self.connections = 0
        self.pieces = 0
        self.overtaken = 0

    def tell(self) -> None:
        """Print what was counted."""
        counted = {"connections": self.connections, "pieces": self.pieces, "overtaken": self.overtaken}
        print(json.dumps(counted), flush=True)

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until both directions have ended."""
        task = asyncio.current_task()
        self._carrying.add(task)  # nobody else does more than know of it
        try:
            await self._carry(reader, writer)
        finally:
            self._carrying.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        delay_s = self._mean_s * self._rng.uniform(0.5, 1.5)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._connect)
        except OSError:
            writer.transport.abort()
            return
        near_way: Way = asyncio.Queue(PIECES_MAX)
        far_way: Way = asyncio.Queue(PIECES_MAX)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take(reader, near_way, delay_s))
                group.create_task(self._deliver(near_way, far_writer))
                group.create_task(self._take(far_reader, far_way, delay_s))
                group.create_task(self._deliver(far_way, writer))
        except* OSError:
            pass  # one end is gone: so is the connection
        finally:
            writer.transport.abort()
            far_writer.transport.abort()

    async def _take(self, source: asyncio.StreamReader, way: Way, delay_s: float) -> None:
        clock = asyncio.get_running_loop().time
        due, data = 0.0, b"?"
        while data:
            data = await source.read(PIECE_BYTES)
            self.pieces += 1
            jitter_s = self._mean_s * self._rng.uniform(-0.25, 0.25)
            due = max(due, clock() + delay_s + jitter_s)
            await way.put((due, self.pieces, data))

    async def _deliver(self, way: Way, to: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, number, data = await way.get()
            await asyncio.sleep(due - clock())
            self.overtaken += number < self._latest
            self._latest = max(self._latest, number)
            if not data:
                to.write_eof()
                return
            to.write(data)
            await to.drain()


async def carry(listen: str, connect: str, mean_s: float, seed: int) -> NoReturn:
    """Be a wire until SIGTERM; then cut all that goes over it, say what was counted, and end."""
    wire = Wire(connect, mean_s, seed)
    host, port = parse(listen)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with await asyncio.start_server(wire.accepted, host, port, limit=PIECE_BYTES):
        await ended.wait()
        wire.tell()
        os._exit(0)  # there is nothing to take leave of


def main() -> NoReturn:
    listen, connect, mean_s, seed = sys.argv[1:]
    asyncio.run(carry(listen, connect, float(mean_s), int(seed)))


if __name__ == "__main__":
    main()
