"""What a commit group of three costs beside a single primary, and how soon it goes on without whoever led.

Real processes of `bayou serve` on files, three each time; with one primary the two others only pass writes
on. Sessions are of the library, and wait until each of their writes is committed. Messages are counted in the
simulated world.

    python -m benchmarks groups [--quick]
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

import bayou
import bayou.aio
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.worlds.simulated import SimulatedWorld
from benchmarks.explore import Counter
from benchmarks.lasting import SESSIONS
from benchmarks.table import Row
from tests.group_kills import leader_of, let_be_group
from tests.serving import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD = ("--period", "0.1")
WAIT_S = 30.0
PAUSE_S = 0.02
"""Between two writes of a session that writes all the time."""


def groups(*, quick: bool) -> list[Row]:
    """Commitments a second and their latency, with one primary and with a group of three; then leaders that
    are killed; then messages."""
    alone, crowd, kills, puts = (30, 640, 3, 20) if quick else (300, 6_400, 10, 100)
    found = []
    for what, members in (("one primary", 1), ("a group of three", 3)):
        with served(members) as servers:
            found += _commitments(what, servers, alone, crowd)
            if members > 1:
                found += _without_leader(servers, kills)
    for what, lines in (("one primary", []), ("a group of three", ["commitGroup 0 1 2"])):
        found.append(_messages(what, lines, puts))
    return found


@contextmanager
def served(members: int) -> Iterator[Servers]:
    """Three servers, of which so many are the commit group."""
    with TemporaryDirectory(dir=".") as folder, ExitStack() as stack:
        servers = stack.enter_context(Servers(Path(folder).absolute(), 3))
        servers.start_all(*PERIOD)
        if members > 1:
            let_be_group(servers[0], [server.called for server in servers.all[:members]])
        yield servers


def _commitments(what: str, servers: Servers, alone: int, crowd: int) -> list[Row]:
    """Let one session, and then many, put rows at a server that is not the first, and wait for each."""
    at, secret = servers[1].address, servers[1].secret
    took: list[float] = []
    with bayou.connect(at, secret=secret) as session:
        rows = session["rows"]
        for number in range(alone + 5):
            began = perf_counter()
            assert session.wait_committed(rows.put(f"row {number % 100}", number), WAIT_S) is not None
            took.append(perf_counter() - began)
    took = took[5:]
    rate = asyncio.run(_crowd(at, secret, crowd))
    tail = quantiles(took, n=20)[-1]
    return [
        Row(f"{what}: committed and durable, one client waiting for that", f"{1 / median(took):,.0f} /s"),
        Row(
            f"{what}: from put to committed, median and 95 %",
            f"{median(took) * 1e3:.1f} / {tail * 1e3:.1f} ms",
        ),
        Row(f"{what}: the same, {SESSIONS} clients", f"{rate:,.0f} /s"),
        Row(
            f"{what}: from put to committed where others write all the time, median and longest",
            asyncio.run(_amid([server.address for server in servers.all], secret, alone // 3)),
        ),
    ]


async def _crowd(at: str, secret: Path, count: int) -> float:
    """Return how many writes a second are committed for many sessions that each wait for theirs."""
    sessions = [await bayou.aio.connect(at, secret=secret) for _ in range(SESSIONS)]

    async def work(session: bayou.aio.Session, number: int) -> None:
        for each in range(count // SESSIONS):
            write = await session["rows"].put(f"row {number}", each)
            assert await session.wait_committed(write, WAIT_S) is not None

    began = perf_counter()
    await asyncio.gather(*[work(session, at) for at, session in enumerate(sessions)])
    took = perf_counter() - began
    for session in sessions:
        await session.close()
    return count / took


async def _amid(addresses: list[str], secret: Path, count: int) -> str:
    """Return how long a session waits for commitment while others go on writing, at each server two, some
    hundred rows a second and server."""
    others = [await bayou.aio.connect(at, secret=secret) for at in addresses * 2]
    session = await bayou.aio.connect(addresses[1], secret=secret)

    async def write(other: bayou.aio.Session, number: int) -> None:
        for each in itertools.count():
            await other["rows"].put(f"row {number}", each)
            await asyncio.sleep(PAUSE_S)

    writing = [asyncio.create_task(write(other, at)) for at, other in enumerate(others)]
    took: list[float] = []
    for number in range(count):
        began = perf_counter()
        write_id = await session["rows"].put("watched", number)
        assert await session.wait_committed(write_id, WAIT_S) is not None
        took.append(perf_counter() - began)
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    for each in (*others, session):
        await each.close()
    return f"{median(took) * 1e3:.1f} / {max(took) * 1e3:.0f} ms"


def _without_leader(servers: Servers, kills: int) -> list[Row]:
    """Return how long it takes from the death of whoever leads to the next commitment."""
    took: list[float] = []
    with bayou.connect([server.address for server in servers.all], secret=servers[0].secret) as session:
        for number in range(kills):
            session.wait_committed(session["rows"].put("before", number), WAIT_S)
            leader = leader_of(servers.all) or servers[0]
            leader.kill()
            began = perf_counter()
            assert session.wait_committed(session["rows"].put("after", number), WAIT_S) is not None
            took.append(perf_counter() - began)
            leader.start(*PERIOD)
            servers.wait_level()
    longest = f"{median(took) * 1e3:.0f} ms, at most {max(took) * 1e3:.0f} ms"
    return [Row("a group of three: from a killed leader to the next commitment", longest)]


def _messages(what: str, lines: list[str], puts: int) -> Row:
    """Return how many messages a commitment takes in lock-step, of three servers and a client."""
    world = SimulatedWorld()
    counter = world.watcher = Counter()
    run = Run(world, COMMANDS, RunSettings(), write=lambda _: None)
    for line in [*[f"joinServer {at}" for at in range(3)], "joinClient 9 1", *lines, "put 9 first url"]:
        run.line(1, line.encode())
    counter.messages = 0
    for number in range(puts):
        run.line(1, f"put 9 song{number} url".encode())
    of_puts = counter.messages
    for _ in range(puts):
        run.line(1, b"stabilize")
    idle = (counter.messages - of_puts) / puts
    return Row(
        f"{what}: messages for a put and its commitment, in lock-step",
        f"{of_puts / puts:.1f}; {idle:.1f} for a round in which there is nothing",
    )
