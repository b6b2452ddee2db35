"""A late write into long logs, and what a tentative write takes in memory."""

from __future__ import annotations

import gc
import tracemalloc
from statistics import median

from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.rows import PLAYLIST
from bayou.core.values import text_value
from bayou.core.write import DELETE, PUT, Write
from bayou.machine.effects import LinkUp, Received
from bayou.node.life import ASKING
from bayou.node.messages import HAND_OVER, AntiEntropy, Get, Hello, Pull, Request
from bayou.node.server import Server
from benchmarks.table import Row, timed


class _Counter:
    """A source of numbers that are all different."""

    def __init__(self) -> None:
        self.count = 0

    def getrandbits(self, k: int, /) -> int:
        self.count += 1
        return self.count


class LongLog:
    """A server with a long tentative log, in which one other server's writes are still to come.

    The writes present have stamps 10, 20, 30, ...: room for late ones anywhere between.
    """

    def __init__(self, size: int, *, one_song: bool) -> None:
        root = Replica(ROOT)
        self.late = root.create().created
        busy = root.create().created
        self.songs = ["song"] if one_song else [f"song{n}" for n in range(size)]
        self.server = Server(1, _Counter())
        self.server.life.enter(ASKING)
        self.server.become(root.create().created)
        self.server.activate()
        replica = self.server.replica
        replica.apply(root.beyond(0, replica.vector))
        for start in range(0, size, 10_000):
            replica.apply(Items(replica.csn, [], [
                Write(10 * (n + 1), busy, PUT, PLAYLIST, self.songs[n % len(self.songs)], text_value("url"))
                for n in range(start, min(size, start + 10_000))
            ]))  # fmt: skip
        self.server.step(0.0, LinkUp(2, Hello(is_server=True)))
        self.server.step(0.0, LinkUp(3, Hello(is_server=False)))
        self.size = size
        self.count = 0

    def late_write(self) -> tuple[float, float, float]:
        """Return the seconds that a late write takes: to arrive in an exchange and be logged and indexed, for
        its song to be read, and to be passed on to a server that lacks it and only it."""
        self.count += 1
        replica = self.server.replica
        serial = self.server.exchanges.expect(2, HAND_OVER, self.count)
        song = self.songs[(self.count * 7919) % len(self.songs)]
        stamp = 10 * (self.count * self.size // 1000) + 5
        write = Write(stamp, self.late, PUT, PLAYLIST, song, text_value("late"))
        arrive = Received(2, AntiEntropy(serial, 0, Items(replica.csn, [], [write])))
        read = Received(3, Request(1, self.count, Get(PLAYLIST, song), None, None))
        pass_on = Received(2, Pull(self.count, HAND_OVER, replica.csn, replica.vector))
        step = self.server.step
        return (
            timed(lambda: step(0.0, arrive)),
            timed(lambda: step(0.0, read)),
            timed(lambda: step(0.0, pass_on)),
        )

    def replay(self) -> float:
        """Return the seconds that it takes to make the database anew from the whole log."""
        writes = list(self.server.replica.log)

        def work() -> None:
            database: dict[str, str | Name | None] = {}
            for write in writes:
                if write.kind == PUT:
                    database[write.key] = write.value
                elif write.kind == DELETE:
                    database.pop(write.key, None)

        return timed(work)


def late_write(*, quick: bool) -> list[Row]:
    """The whole path of a late write, at logs of growing length."""
    sizes = (1_000, 10_000, 100_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    rows = []
    for one_song in (False, True):
        logs = [LongLog(size, one_song=one_song) for size in sizes]
        gc.collect()
        gc.disable()
        seconds = [[log.late_write() for log in logs] for _ in range(900)][100:]
        replay = median(logs[-1].replay() for _ in range(3))
        gc.enable()
        arrive, read, pass_on = (
            [median(times[part] for times in column) for column in zip(*seconds, strict=True)]
            for part in range(3)
        )
        lengths = ", ".join(f"{size:,}" for size in sizes)
        where = "all on one song" if one_song else "on many songs"
        asked = "at least 5,000" if sizes[-1] == 1_000_000 else ""
        rows += [
            Row(f"a late write into logs of {lengths}, {where}", _microseconds(arrive)),
            Row(
                f"the same, longest / shortest, {where}", f"{max(arrive) / arrive[0]:.1f} times", "at most 5"
            ),
            Row(f"replaying {sizes[-1]:,} / that, {where}", f"{replay / arrive[-1]:,.0f} times", asked),
            Row(f"then reading its song, {where}", _microseconds(read)),
            Row(f"then passing it on, {where}", _microseconds(pass_on)),
        ]
    return rows


def _microseconds(times: list[float]) -> str:
    return ", ".join(f"{seconds * 1e6:.1f}" for seconds in times) + " us"


def memory(*, quick: bool) -> list[Row]:
    """Bytes for each tentative write of a 10-byte song and a 20-byte URL, all songs different."""
    count = 20_000 if quick else 200_000
    root = Replica(ROOT)
    name = root.create().created
    replica = Replica(name)
    replica.apply(root.beyond(0, replica.vector))
    replica.take_journal()
    gc.collect()
    tracemalloc.start()
    for n in range(count):
        write = Write(n + 10, name, PUT, PLAYLIST, f"{n:010}", text_value(f"{n:020}"))
        replica.apply(Items(replica.csn, [], [write]))
        replica.take_journal()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return [Row("memory for each tentative write", f"{taken / count:.0f} bytes", "at most 600", "350")]
