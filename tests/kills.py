"""Servers under load are killed, one after another, and come back from their journals: whatever was
acknowledged is there in the end, once, and in its session's order.

    python -m tests.kills --kills 300 --seed 1

Real processes, free-running, each client with a request under way at any moment. In the end all come to rest,
and are read; the judge sees the trace of it all. Exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bayou.check.history import History
from bayou.check.store import judge
from bayou.check.verdict import VALID, overall
from bayou.machine.messages import Probe
from bayou.master.language import COMMANDS
from bayou.master.options import parse_options
from bayou.master.recording import began
from bayou.master.run import Run, RunSettings
from bayou.node.messages import OK, Did, Do, Put
from bayou.node.settings import Habits
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from tests.rows import row
from tests.simulated import store_options

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVERS = 4
CLIENTS = 8
PAUSE_S = 0.03
DOWN_S = 0.01


@dataclass
class Outcome:
    """What came of a run: ``acknowledged`` are URLs by client, in order; ``logs`` those in each log."""

    kills: int = 0
    acknowledged: dict[int, list[str]] = field(default_factory=dict)
    logs: dict[int, list[str]] = field(default_factory=dict)
    verdict: str = ""
    broken: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Return what is wrong, a line each."""
        found = [*self.broken] if self.verdict == VALID else [f"the judge says {self.verdict}", *self.broken]
        first = next(iter(self.logs.values()), [])
        for server, log in self.logs.items():
            if log != first:
                found.append(f"server {server} has another log than the first one")
            found += [
                f"server {server} has {url} {count} times" for url, count in Counter(log).items() if count > 1
            ]
            places = {url: place for place, url in enumerate(log)}
            for client, urls in self.acknowledged.items():
                lost = [url for url in urls if url not in places]
                found += [f"server {server} lacks {url}, which client {client} was told of" for url in lost]
                order = [places[url] for url in urls if url in places]
                if order != sorted(order):
                    found.append(f"server {server} has the writes of client {client} in another order")
        return found


class Kills:
    """A run."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"kills {seed}")
        self.events: list[dict[str, Any]] = []
        self.world = ProcessWorld(WorldSettings(deadline_s=30.0))
        self.world.observe = self.events.append
        self.events.append(began(parse_options(["--free-running"], "kills", None)))
        self._lines: list[bytes] = []
        self._complaints: list[str] = []
        settings = RunSettings(
            "kills", free_running=True, options=store_options(habits=Habits(period_s=0.02))
        )
        self._run = Run(
            self.world, COMMANDS, settings, write=self._lines.append, complain=self._complaints.append,
            observe=self.events.append,
        )  # fmt: skip
        self._count = 0
        self._under_way: dict[int, tuple[int, str]] = {}
        self.outcome = Outcome()

    def tell(self, line: str) -> list[str]:
        """Carry out a command, which nothing may be wrong with; return what it printed."""
        self._lines.clear()
        self._run.line(len(self.events), line.encode())
        assert not self._complaints, self._complaints
        return b"".join(self._lines).decode().splitlines()

    def run(self, kills: int) -> Outcome:
        """Kill so many servers, and see what is left."""
        for server in range(SERVERS):
            self.tell(f"joinServer {server}")
        for client in range(100, 100 + CLIENTS):
            self.tell(f"joinClient {client} {client % SERVERS}")
            self.outcome.acknowledged[client] = []
        for _ in range(kills):
            self._let_pass(PAUSE_S * self._rng.random())
            server = self._rng.randrange(SERVERS)
            self.tell(f"crashServer {server}")
            self._let_pass(DOWN_S * self._rng.random())
            self.tell(f"restartServer {server}")
            self.outcome.kills += 1
            if sys.stderr.isatty():
                print(f"\r{self.outcome.kills} of {kills}", end="", file=sys.stderr)
        while self._under_way:
            self._let_pass(0.01, ask=False)
        self.tell("stabilize")
        for server in range(SERVERS):
            log = self.tell(f"printLog {server}")
            self.outcome.logs[server] = [line.split(", ")[1].split(")")[0] for line in log]
        self._judge()
        return self.outcome

    def _let_pass(self, seconds: float, *, ask: bool = True) -> None:
        """Let clients go on for so long, each with one request after another."""
        for client in self.outcome.acknowledged:
            if client in self._under_way:
                number, url = self._under_way[client]
                answer = self.world.answer(number)
                if answer is None:
                    continue
                del self._under_way[client]
                if isinstance(answer, Did) and answer.verdict == OK:
                    self.outcome.acknowledged[client].append(url)
            if ask:
                self._count += 1
                url = f"{client}-{self._count}"
                number = self.world.order(client, Do(Put(*row(f"song{self._rng.randrange(5)}", url))))
                self._under_way[client] = (number, url)
        self.world.pass_quietly(seconds)

    def _judge(self) -> None:
        nodes = [*range(SERVERS), *self.outcome.acknowledged]
        before = -1
        while before != len(self.events):
            before = len(self.events)
            self.world.ask_all([(node, Probe()) for node in nodes])
        self.events.append({"event": "ended"})
        verdicts = judge(History.of(self.events))
        self.outcome.verdict = overall(verdicts)
        self.outcome.broken = [
            f"{rule}: event {at}: {why}"
            for rule, verdict in verdicts.items()
            for at, why in verdict.broken[:3]
        ]


def kill(kills: int, seed: int) -> Outcome:
    """Have a run, and end it."""
    run = Kills(seed)
    try:
        return run.run(kills)
    finally:
        run.world.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--seed", type=int, default=1, help="which servers, and when (default: 1)")
    options = parser.parse_args(arguments)
    outcome = kill(options.kills, options.seed)
    problems = outcome.problems()
    count = sum(map(len, outcome.acknowledged.values()))
    print(f"{outcome.kills} kills, {count} writes acknowledged, {len(problems)} problems")
    for line in problems[:20]:
        print(f"    {line}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
