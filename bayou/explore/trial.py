"""One run of a scenario in the simulated world, judged."""

from __future__ import annotations

import traceback
from collections import Counter

from bayou._record import Record
from bayou.check.history import History
from bayou.check.store import judge, overall
from bayou.core.errors import BayouError, InvariantBroken
from bayou.explore.sightings import Sightings
from bayou.master.run import Run, RunSettings
from bayou.master.vocabulary import COMMANDS
from bayou.node.exchange import Limits
from bayou.node.gossip import Habits
from bayou.node.server import Settings
from bayou.node.session import SHORT_NAMES, Guarantees
from bayou.worlds.faults import NONE
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import DeadlineExceeded, WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.trace.file import Event

COMMAND_S = 3.0
"""How long, in virtual seconds, a command may take before it is given up, as at a prompt."""

REST_S = 120.0
"""How long servers may take to come to rest once all faults are over."""

AT_REST = "comes to rest"


class Conditions(Record):
    """What a trial is, beside its lines: the seed of network and nodes, and whether all invariants of a node
    are walked after each of its steps."""

    seed: int
    check: bool = False


class Trial:
    """A run of some lines. ``problem`` is what was broken (a rule, an exception), None where all is well."""

    def __init__(self, lines: Sequence[str], conditions: Conditions) -> None:
        self.lines = list(lines)
        self.conditions = conditions
        self.events: list[Event] = []
        self.problem: str | None = None
        self.details: list[str] = []
        self.verdict = ""
        self.sightings: Counter[str] = Counter()
        self.messages = 0

    def run(self) -> Trial:
        """Run the lines and judge what happened; return this trial."""
        seed = self.conditions.seed
        habits = Habits(period_s=0.1, partners=("random", "turn", "all")[seed % 3])
        server_settings = Settings(
            short_max=4,
            limits=Limits(items=(3, 8192)[seed % 2], parts_ahead=2),
            habits=habits,
            wall_offset_s=0.0,
        )
        world = SimulatedWorld(
            WorldSettings(Guarantees(), COMMAND_S, habits=habits),
            seed=seed,
            server_settings=server_settings,
            check=self.conditions.check,
            flush_s=(0.0, 0.0, 0.02)[seed % 3],
        )
        world.observe = self.events.append
        world.complain = None
        sightings = Sightings(world)
        self.events.append({"event": "began", "seed": seed, "guarantees": list(SHORT_NAMES)})
        run = Run(
            world,
            COMMANDS,
            RunSettings(f"seed {seed}", free_running=True),
            write=lambda _: None,
            complain=lambda _: None,
            observe=self.events.append,
        )
        try:
            self._carry_out(run, world)
        except Exception as error:
            self._fail(_name_of(error), traceback.format_exc().splitlines()[-12:])
        self.messages = sightings.messages
        self.sightings = sightings.of(self.events)
        if self.problem is None:
            self._judge()
        return self

    def _carry_out(self, run: Run, world: SimulatedWorld) -> None:
        last = len(self.lines)
        for number, line in enumerate(self.lines, start=1):
            try:
                world.patience_s = REST_S if number == last else COMMAND_S
                run.line(number, line.encode())
            except DeadlineExceeded as error:
                run.unsettle()
                self.events.append({"event": "gave up", "line": number})
                calm = all(faults == NONE for faults in run.faults.values())
                if number == last and line == "stabilize" and calm:
                    self._fail(AT_REST, [f"line {number}: {line}: {error}"])
            run.notice_departures()
            if world.dropped:
                raise BayouError(f"a node dropped a connection: {world.dropped[0]}")

    def _judge(self) -> None:
        verdicts = judge(History.of(self.events))
        self.verdict = overall(verdicts)
        for rule, verdict in verdicts.items():
            if verdict.broken:
                self._fail(rule, [f"event {at}: {why}" for at, why in verdict.broken[:3]])

    def _fail(self, problem: str, details: list[str]) -> None:
        self.problem = self.problem or problem
        self.details += [f"{problem}: {detail}" for detail in details]


def _name_of(error: Exception) -> str:
    return "invariant" if isinstance(error, InvariantBroken) else type(error).__name__
