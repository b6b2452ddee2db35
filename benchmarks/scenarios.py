"""Whole scenarios: starting, joining, all of the golden ones, long chains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from benchmarks.table import Row, in_turn, ratio, timed

ROOT = Path(__file__).parent.parent
TEN_COMMANDS = """\
joinServer 0
joinServer 1
joinClient 2 0
joinClient 3 1
put 2 song url
get 3 song
put 3 song other
get 2 song
delete 2 song
printLog 1
"""
CHAT = "\n".join(
    ["start 3 2", *(f"sendMessage {at % 2} message {at}" for at in range(10)), "printChatLog 0", ""]
)


def _run(*command: str, text: str = "") -> None:
    subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, check=True, cwd=ROOT)


def start(*, quick: bool) -> list[Row]:
    """Two servers, two clients and ten commands, whole process, against an empty interpreter."""
    master = (sys.executable, "-m", "bayou.master")
    empty, ours, simulated, idle = in_turn(
        10 if quick else 60,
        lambda: _run(sys.executable, "-c", "pass"),
        lambda: _run(*master, text=TEN_COMMANDS),
        lambda: _run(*master, "--world", "sim", text=TEN_COMMANDS),
        lambda: _run(*master),
    )
    return [
        Row(
            "ten commands, whole process / `python3 -c pass`",
            f"{ratio(ours, empty):.1f} times ({median(ours) * 1e3:.0f} ms / {median(empty) * 1e3:.0f} ms)",
            "at most 4",
            "2.5",
        ),
        Row("the same, simulated", f"{ratio(simulated, empty):.1f} times"),
        Row("an empty scenario", f"{ratio(idle, empty):.1f} times"),
    ]


def chat(*, quick: bool) -> list[Row]:
    """A chat of three servers, two clients and ten messages, whole process, against an empty interpreter."""
    empty, ours, simulated = in_turn(
        10 if quick else 60,
        lambda: _run(sys.executable, "-c", "pass"),
        lambda: _run(sys.executable, "-m", "bayou.master", text=CHAT),
        lambda: _run(sys.executable, "-m", "bayou.master", "--world", "sim", text=CHAT),
    )
    return [
        Row(
            "a chat of 3 servers, 2 clients and 10 messages / `python3 -c pass`",
            f"{ratio(ours, empty):.1f} times ({median(ours) * 1e3:.0f} ms / {median(empty) * 1e3:.0f} ms)",
            goal="at most 5",
        ),
        Row("the same, simulated", f"{ratio(simulated, empty):.1f} times"),
    ]


def join(*, quick: bool) -> list[Row]:
    """Twenty-one servers joined, whole process."""
    text = "".join(f"joinServer {server}\n" for server in range(21))
    (seconds,) = in_turn(3 if quick else 10, lambda: _run(sys.executable, "-m", "bayou.master", text=text))
    return [Row("21 servers joined, whole process", f"{median(seconds):.2f} s", "at most 0.6 s", "0.25 s")]


def mesh(*, quick: bool) -> list[Row]:
    """Meshes of more and more servers, joined one right after another, and with the group brought level after
    each: whole process, and for each connection."""
    sizes = (12, 25, 50) if quick else (12, 25, 50, 100)
    rows = []
    for what, between in (("joined in a row", ""), ("each brought level", "# a comment\n")):
        texts = ["".join(f"joinServer {server}\n{between}" for server in range(size)) for size in sizes]
        works = [lambda text=text: _run(sys.executable, "-m", "bayou.master", text=text) for text in texts]
        times = [median(seconds) for seconds in in_turn(2 if quick else 5, *works)]
        connections = [size * (size - 1) / 2 for size in sizes]
        each = [time / count * 1e3 for time, count in zip(times, connections, strict=True)]
        rows.append(
            Row(
                f"mesh of {', '.join(map(str, sizes))} servers, {what}: whole process",
                f"{', '.join(f'{time:.2f}' for time in times)} s",
            )
        )
        rows.append(Row("the same, a connection", f"{', '.join(f'{time:.2f}' for time in each)} ms"))
    return rows


def golden(*, quick: bool) -> list[Row]:
    """All scenarios of the project, one after another, but those that wait for faults on purpose."""
    paths = [path for path in sorted((ROOT / "tests").glob("*.test")) if not path.stem.startswith("fault-")]
    texts = [path.read_bytes() for path in paths]

    def run_all() -> None:
        for text in texts:
            subprocess.run(
                (sys.executable, "-m", "bayou.master"),
                input=text,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )

    (seconds,) = in_turn(1 if quick else 3, run_all)
    average = median(seconds) / len(texts)
    return [
        Row(
            f"our {len(texts)} scenarios one after another, average",
            f"{average:.3f} s",
            "at most 0.15 s",
            "0.07 s",
        )
    ]


def tester(*, quick: bool) -> list[Row]:
    """The tester on all golden scenarios, one at a time and two at a time."""
    command = (sys.executable, "tester.py")
    one, two = in_turn(1 if quick else 5, lambda: _run(*command), lambda: _run(*command, "-j", "2"))
    return [
        Row(
            "the tester on all of them, `-j 1` / `-j 2`",
            f"{ratio(one, two):.2f} times ({median(one):.2f} s / {median(two):.2f} s)",
            "at least 1.6",
        )
    ]


class Chain:
    """A chain of servers 0 - 1 - ... - (n-1), the primary at one end, a client at the other."""

    def __init__(self, size: int) -> None:
        self.world = ProcessWorld(WorldSettings(deadline_s=120))
        self.run = Run(self.world, COMMANDS, write=lambda _: None)
        self.number = 0
        self.do("pause")
        for server in range(size):
            self.do(f"joinServer {server}")
            for other in range(server - 1):
                self.do(f"breakConnection {server} {other}")
        self.do("joinClient 1000 " + str(size - 1))
        self.do("start")

    def do(self, line: str) -> None:
        self.number += 1
        self.run.line(self.number, line.encode())

    def catch_up(self) -> float:
        """Make 100 writes while paused; return the seconds from ``start`` until they are back, committed."""
        self.do("pause")
        for song in range(100):
            self.do(f"put 1000 song{song} url{song}")
        return timed(lambda: self.do("start"))

    def put(self) -> float:
        return timed(lambda: self.do("put 1000 song url"))


def chains(*, quick: bool) -> list[Row]:
    """Commits travel along a chain and back: how the time grows with its length."""
    sizes = (5, 10, 20) if quick else (5, 10, 20, 40)
    made = {size: Chain(size) for size in sizes}
    rounds = 3 if quick else 7
    start_s: dict[int, list[float]] = {size: [] for size in sizes}
    put_s: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, chain in made.items():
            start_s[size].append(chain.catch_up())
            put_s[size].append(median(chain.put() for _ in range(5)))
    for chain in made.values():
        chain.world.close()
    rows = []
    for what, seconds in (("100 writes at the far end, from `start` till committed there", start_s),
                          ("one put at the far end, in lock-step", put_s)):  # fmt: skip
        times = ", ".join(f"{median(seconds[size]) * 1e3:.1f}" for size in sizes)
        rows.append(Row(f"chain of {', '.join(map(str, sizes))}: {what}", f"{times} ms"))
        grows = ratio(seconds[sizes[-1]], seconds[sizes[-2]])
        rows.append(Row(f"the same, {sizes[-1]} / {sizes[-2]} servers", f"{grows:.2f} times", "at most 2.5"))
    return rows
