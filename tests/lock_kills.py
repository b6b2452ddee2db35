"""Leaders of a lock service under load are killed, one after another, and come back from what they had made
durable: locks stay linearizable, each is held by one client at a time, and tokens grow.

    python -m tests.lock_kills --kills 100 --seed 1

Five servers and eight clients, all of them real processes; each client has a script of commands on a few
locks, and one command under way at any moment. Whoever leads is killed by SIGKILL in the middle of that; with
every fifth leader, all other servers. Three judges look at the trace: a search for an order of what the
clients saw, by their own clocks (the lock of ``bayou check --model lock``); that of the family, with queues
and slots; and that of the log below. Exit status 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bayou.check.linear import Search
from bayou.check.model import Operation, by_key
from bayou.check.models import Lock
from bayou.check.verdict import VALID, overall
from bayou.families.locks.judging import judge
from bayou.families.locks.script import SLEEP, Step
from bayou.families.locks.table import HELD, LOCK, RELEASED, UNLOCK
from bayou.families.log.settings import LogSettings, plain_of
from bayou.machine.messages import Probe
from bayou.paxos.ballot import Ballot
from bayou.running.leaders import await_leader
from bayou.running.scripts import Plan, Script, ScriptRun, ScriptSystem, Stuck
from bayou.running.stage import RunStage
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import DeadlineExceeded, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    Event = dict[str, Any]

SERVERS = 5
CLIENTS = 8
LOCKS = 3
STEPS = 6000
COMMANDS_BETWEEN = 50
ALL_AT_ONCE = 5
DOWN_S = 0.05
SLEEP_S = 0.005
"""How long clients rest at most, so that the history is of many kills, and not of very many commands."""

BUDGET = 5_000_000
STUCK = "stuck"


@dataclass
class Outcome:
    """What came of a run."""

    kills: int = 0
    grants: int = 0
    commands: int = 0
    unanswered: int = 0
    leaders: int = 0
    broken: list[str] = field(default_factory=list)


def script(rng: random.Random) -> tuple[Step, ...]:
    """Return a long script that holds one lock at a time, now and then gives back what it does not hold, and
    rests in between."""
    steps: list[Step] = []
    for at in range(1, STEPS, 4):
        lock = rng.randrange(LOCKS)
        steps.append(Step(at, LOCK, lock))
        steps.append(Step(at + 1, SLEEP, seconds=rng.random() * SLEEP_S))
        steps.append(Step(at + 2, UNLOCK, lock))
        if rng.random() < 0.1:
            steps.append(Step(at + 3, UNLOCK, rng.randrange(LOCKS)))
    return tuple(steps)


class Kills:
    """A run."""

    def __init__(self, seed: int, deadline_s: float) -> None:
        self._rng = random.Random(f"lock kills {seed}")
        self.events: list[Event] = []
        self.world = ProcessWorld(WorldSettings(deadline_s, machines=ScriptSystem.machines))
        self.world.observe = self.events.append
        settings = LogSettings(heartbeat_s=0.02, election_s=0.1, retry_s=0.05)
        stage = RunStage(
            self.world,
            write=lambda _: None,
            tell=lambda _: None,
            options={"locks": plain_of(settings)},
            record=self.events.append,
        )
        scripts = [Script(f"client {client}", script(self._rng)) for client in range(CLIENTS)]
        self.system = ScriptSystem(stage, scripts)
        self._run = ScriptRun(self.system, scripts, Plan(SERVERS, recover_s=DOWN_S, deadline_s=deadline_s))
        self.outcome = Outcome()

    def run(self, kills: int) -> Outcome:
        """Kill so many leaders, and judge what the clients saw."""
        try:
            self._kill(kills)
        except (Stuck, DeadlineExceeded) as error:
            self.outcome.broken.append(f"{STUCK} after {self.outcome.kills} kills: {error}")
        self._gather()
        self._judge()
        return self.outcome

    def _kill(self, kills: int) -> None:
        self._run.begin()
        killed = Ballot.NONE
        while self.outcome.kills < kills:
            self._go_on(self._rng.randrange(COMMANDS_BETWEEN))
            killed = await_leader(self.system, killed)
            self._run.fail(killed.node)
            self.outcome.kills += 1
            if self.outcome.kills % ALL_AT_ONCE == 0:
                for server in list(self.system.live):
                    self._run.fail(server)
            if sys.stderr.isatty():
                print(f"\r{self.outcome.kills} of {kills}", end="", file=sys.stderr)
        self._go_on(COMMANDS_BETWEEN)

    def _go_on(self, commands: int) -> None:
        """Let clients go on until so many commands have come back, and a majority lives beside the leader."""
        seen = 0
        at = len(self.events)
        while seen < commands or len(self.system.live) <= SERVERS // 2 + 1:
            self._run.turn()
            seen += sum(event["event"] == "returned" for event in self.events[at:])
            at = len(self.events)

    def _gather(self) -> None:
        """Wait until everything that was told before has come."""
        nodes = [*self.system.live, *map(self.system.address_of, range(CLIENTS))]
        before = -1
        while before != len(self.events):
            before = len(self.events)
            self.world.begin()
            self.world.ask_all([(node, Probe()) for node in nodes])

    def _judge(self) -> None:
        outcome = self.outcome
        operations = operations_of(self.events)
        outcome.grants = sum(event["event"] == "granted" for event in self.events)
        outcome.commands = len(operations)
        outcome.unanswered = sum(operation.end is None for operation in operations)
        led = {tuple(event["ballot"]) for event in self.events if event.get("message") == "Accept"}
        outcome.leaders = len(led)
        for lock, of_one in by_key(operations).items():
            word = Search(Lock(), of_one).run(BUDGET).word
            if word != VALID:
                outcome.broken.append(f"lock {lock}, by the clients' clocks: {word}")
        outcome.broken += tokens_broken(self.events)
        verdicts = judge(self.events)
        outcome.broken += [
            f"{rule}: event {at}: {why}"
            for rule, verdict in verdicts.items()
            for at, why in verdict.broken[:3]
        ]
        if not outcome.broken and overall(verdicts) != VALID:
            outcome.broken.append(f"the judges say {overall(verdicts)}")


def operations_of(events: Sequence[Event]) -> list[Operation]:
    """Return what clients did to locks, by their own clocks, which are one clock on one machine. Where two
    moments are the same, what was asked then counts as before what was answered."""
    moments = [event for event in events if event["event"] in ("invoked", "returned")]
    moments.sort(key=lambda event: (event["at"], event["event"]))
    under_way: dict[int, tuple[int, Event]] = {}
    done: list[Operation] = []
    for position, event in enumerate(moments):
        client = event["client"]
        if event["event"] == "invoked":
            under_way[client] = (position, event)
            continue
        begin, asked = under_way.pop(client)
        result = event["result"] == (HELD if asked["f"] == LOCK else RELEASED)
        done.append(Operation(client, begin, position, asked["f"], None, result, asked["lock"]))
    for client, (begin, asked) in under_way.items():
        done.append(Operation(client, begin, None, asked["f"], None, None, asked["lock"]))
    return done


def tokens_broken(events: Sequence[Event]) -> list[str]:
    """Return where the tokens of a lock do not grow from one grant to the next, by the clients' clocks."""
    last: dict[int, int] = {}
    found = []
    for event in sorted(
        (event for event in events if event["event"] == "returned" and event["slot"] is not None),
        key=lambda event: event["at"],
    ):
        lock, token = event["lock"], event["slot"]
        if token <= last.get(lock, -1):
            found.append(f"lock {lock} is granted with token {token} after {last[lock]}")
        last[lock] = max(token, last.get(lock, -1))
    return found


def kill(kills: int, seed: int, deadline_s: float = 60.0) -> Outcome:
    """Have a run, and end it; for so long nothing may move."""
    run = Kills(seed, deadline_s)
    try:
        return run.run(kills)
    finally:
        run.world.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lock_kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="scripts, and when to kill (default: 1)")
    options = parser.parse_args(arguments)
    outcome = kill(options.kills, options.seed)
    print(
        f"{outcome.kills} kills, {outcome.leaders} leaders, {outcome.commands} commands "
        f"({outcome.unanswered} unanswered), {outcome.grants} grants, {len(outcome.broken)} problems"
    )
    for line in outcome.broken[:20]:
        print(f"    {line}")
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main())
