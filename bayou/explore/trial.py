"""One run of a scenario in the simulated world, judged."""

from __future__ import annotations

import traceback
from collections import Counter

from bayou.check.verdict import overall
from bayou.core.errors import BayouError, InvariantBroken
from bayou.families import FAMILIES
from bayou.families.judging import judge
from bayou.families.vocabulary import OtherFamily, find_command
from bayou.judging.began import began, with_patience
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.script.grammar import BadLine, split
from bayou.worlds.world import DeadlineExceeded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayou.families import Family
    from bayou.trace.file import Event
    from bayou.worlds.simulated import SimulatedWorld
    from bayou.worlds.simulated.setup import Setup

REST_S = 120.0
"""How long servers may take to come to rest once all faults are over, where their family does not say."""

AT_REST = "comes to rest"


def ignore(_: object) -> None:
    """Do nothing with it."""


def family_of(lines: Sequence[bytes | None]) -> Family:
    """Return the family that the first command of these lines tells. Where there is none, as all may be in
    included files, it is the one that was added last, if one was, or else the first of all."""
    for line in lines:
        words = split(line or b"")
        try:
            family = find_command(words, COMMANDS, None)[1] if words else None
        except OtherFamily as error:
            return error.chosen
        except BadLine:
            continue
        if family is not None:
            return family
    families = list(FAMILIES.values())
    return next((family for family in reversed(families) if family.is_added), families[0])


class Trial:
    """A run of some lines under the conditions of ``setup``. ``problem`` is what was broken (a rule, an
    exception), None where all is well; ``check`` walks all invariants of a node after each of its steps."""

    def __init__(self, lines: Sequence[str | bytes | None], setup: Setup, *, check: bool = False) -> None:
        self.lines = [line.encode() if isinstance(line, str) else line for line in lines]
        self.setup = setup
        self.check = check
        self.exploring = family_of(self.lines).part("exploring")
        self.events: list[Event] = []
        self.problem: str | None = None
        self.details: list[str] = []
        self.verdict = ""
        self.sightings: Counter[str] = Counter()
        self.messages = 0

    def run(
        self, *, write: Callable[[bytes], None] = ignore, complain: Callable[[str], None] | None = None
    ) -> Trial:
        """Run the lines and judge what happened; return this trial. ``write`` takes what is printed, and
        ``complain`` all that a verbose run has to say."""
        world = self.setup.world(check=self.check, verbose=complain is not None)
        world.observe = self.events.append
        world.complain = complain
        sightings = self.exploring.Sightings(world)
        self.events.append(began(self.setup))
        run = Run(
            world,
            COMMANDS,
            RunSettings(
                f"seed {self.setup.seed}",
                verbose=complain is not None,
                free_running=self.setup.free_running,
                options=self.setup.families,
                keeps_no_files=True,
            ),
            write=write,
            complain=complain or ignore,
            observe=lambda event: self.events.append(with_patience(event, world.patience_s, self.setup)),
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
        rest = self.exploring.REST.encode()
        last = max((number for number, line in enumerate(self.lines, start=1) if line == rest), default=0)
        rest_s = getattr(self.exploring, "rest_s", None)
        for number, line in enumerate(self.lines, start=1):
            try:
                world.patience_s = self.setup.patience_s
                if number == last:
                    world.patience_s = REST_S if rest_s is None else rest_s(self.setup)
                run.line(number, line)
            except DeadlineExceeded as error:
                run.unsettle()
                self.events.append({"event": "gave up", "line": number})
                is_fair = world.weather.is_fair and (run.system is None or run.system.is_fair)
                if number == last and is_fair:
                    self._fail(AT_REST, [f"line {number}: {self.exploring.REST}: {error}"])
            run.look_round()
            for node, peer, why in world.dropped[:1]:
                raise BayouError(f"server {node} dropped its connection to {peer}: {why}")

    def _judge(self) -> None:
        verdicts = judge(self.events, is_own=True)
        self.verdict = overall(verdicts)
        for rule, verdict in verdicts.items():
            if verdict.broken:
                self._fail(rule, [f"event {at}: {why}" for at, why in verdict.broken[:3]])

    def _fail(self, problem: str, details: list[str]) -> None:
        self.problem = self.problem or problem
        self.details += [f"{problem}: {detail}" for detail in details]


def _name_of(error: Exception) -> str:
    return "invariant" if isinstance(error, InvariantBroken) else type(error).__name__
