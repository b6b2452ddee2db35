"""The simulated world and the explorer."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bayou.explore.campaign import Plan, explore
from bayou.families.store.settings import StoreSettings, plain_of
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.settings import Habits
from bayou.worlds.simulated import SimulatedWorld
from benchmarks.table import Row, in_turn, ratio

ROOT = Path(__file__).parent.parent


class Counter:
    """Counts the messages of a world."""

    def __init__(self) -> None:
        self.messages = 0

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        self.messages += 1

    def asked_again(self, what: str) -> None:
        pass

    def cut(self, message: Message) -> None:
        pass

    def lost(self) -> None:
        pass


def campaigns(*, quick: bool) -> list[Row]:
    """Random runs with all faults, on two cores, judged; with and without check() at every step."""
    rows = []
    for check, seeds in ((False, 400 if quick else 3000), (True, 100 if quick else 600)):
        began = time.monotonic()
        explore(Plan(first=500_000, seeds=seeds, check=check), jobs=2)
        a_minute = seeds / (time.monotonic() - began) * 60
        what = "with `check()` at every step" if check else "without `check()`"
        row = f"random runs of some 100 commands a minute, two cores, {what}"
        rows.append(Row(row, f"{a_minute:,.0f}", goal="" if check else "3,000"))
    return rows


def messages(*, quick: bool) -> list[Row]:
    """Ten servers that run freely, with writes at all of them: simulated messages a second on one core."""
    options = {"store": plain_of(StoreSettings(habits=Habits(partners="all")))}
    world = SimulatedWorld()
    counter = world.watcher = Counter()
    run = Run(world, COMMANDS, RunSettings(free_running=True, options=options), write=lambda _: None)
    lines = [f"joinServer {server}" for server in range(10)]
    lines += [f"joinClient {100 + server} {server}" for server in range(10)]
    for line in lines:
        run.line(1, line.encode())
    counter.messages = 0
    began = time.monotonic()
    for number in range(20 if quick else 200):
        run.line(1, f"put {100 + number % 10} song{number % 7} url{number}".encode())
        run.line(1, b"wait 50")
    rate = counter.messages / (time.monotonic() - began)
    return [Row("simulated messages a second, one core", f"{rate:,.0f}", goal="100,000")]


def simulated(*, quick: bool) -> list[Row]:
    """A golden scenario simulated against the same with processes, start-up included in both."""
    text = (ROOT / "tests" / "retire-several-in-a-row.test").read_bytes()
    master = (sys.executable, "-m", "bayou.master")

    def run(*arguments: str) -> None:
        done = subprocess.run((*master, *arguments), input=text, capture_output=True, check=True, cwd=ROOT)
        if not done.stdout:
            raise RuntimeError("the scenario printed nothing")

    real, sim = in_turn(5 if quick else 30, run, lambda: run("--world", "sim"))
    return [
        Row(
            "a scenario with processes / the same simulated, start-up included",
            f"{ratio(real, sim):.2f} times ({median(real) * 1e3:.0f} ms / {median(sim) * 1e3:.0f} ms)",
        )
    ]
