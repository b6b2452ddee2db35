"""A run again, from its trace alone: the same world, the same commands, each ending as it did then."""

from __future__ import annotations

from math import inf

from bayou.core.errors import BayouError
from bayou.families import find
from bayou.families.judging import family_of
from bayou.families.planting import known_bugs, planted
from bayou.judging.began import patience_of, setup_of, with_functions, with_patience
from bayou.master.helping import PROMPT_COMMANDS
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.script.grammar import BadLine
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.trace.file import Event
    from bayou.worlds.simulated.setup import Setup


class ReplayError(ValueError):
    """A trace is none that can be replayed; the message says why."""


class Impatience:
    """Gives up what is being waited for at the very step at which somebody did so then."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self._steps = inf
        self._now_s = inf

    def expect(self, event: Event | None) -> None:
        """The next command is given up as this event says; None: it is not."""
        steps, now_s = (inf, inf) if event is None else (event["steps"], event["now_s"])
        if type(steps) not in (int, float) or type(now_s) not in (int, float):
            raise ReplayError("when a command was given up is told in numbers")
        self._steps, self._now_s = steps, now_s

    def look(self) -> None:
        """Called before each step of the world."""
        if self._world.steps >= self._steps and self._world.now_s >= self._now_s:
            self.expect(None)
            self._world.interrupt()


class ReplayedWorld(SimulatedWorld):
    """A simulated world in which commands are given up when they were then."""

    impatience: Impatience | None = None

    def _run_one(self) -> None:
        if self.impatience is not None:
            self.impatience.look()
        super()._run_one()


def run_again(events: Sequence[Event], functions: str = "") -> list[Event]:
    """Return the events of the same run, had again. ReplayError, or another ValueError, where the trace is
    none of a simulated run. ``functions``: the path of a file with those that its writes call."""
    setup = setup_of(events[0] if events else {})
    try:
        family = family_of(events).name
    except BayouError as error:
        raise ReplayError(str(error)) from error
    setup = with_functions(setup, functions, family)
    if setup.bug is not None and setup.bug not in known_bugs():
        raise ReplayError(f"there is no bug {setup.bug[:40]!r} that could be planted")
    with planted(setup.bug):
        return Replay(events, setup).run()


class Replay:
    """One run again. ``again``: its events so far."""

    def __init__(self, events: Sequence[Event], setup: Setup) -> None:
        self._events = events
        self._setup = setup
        self._world = world = setup.world(kind=ReplayedWorld)
        self._impatience = Impatience(world)
        if isinstance(world, ReplayedWorld):
            world.impatience = self._impatience
        world.observe = self._observe
        world.complain = None
        self.again: list[Event] = [events[0]]
        self._run = Run(
            world,
            {**COMMANDS, **PROMPT_COMMANDS},
            RunSettings(free_running=setup.free_running, options=setup.families, keeps_no_files=True),
            write=lambda _: None,
            complain=lambda _: None,
            observe=self._observe,
        )

    def run(self) -> list[Event]:
        """Carry out the commands; return the events."""
        for at, event in enumerate(self._events):
            if event["event"] == "opened":
                self._open(event)
            elif event["event"] == "command" and not self._carry_out(at, event):
                break
        return self.again

    def _open(self, event: Event) -> None:
        """The run is of that family: the command that told it may have been skipped, and stands nowhere."""
        if self._run.family is None:
            try:
                self._run.open(find(event.get("family")))
            except BayouError as error:
                raise ReplayError(str(error)) from error

    def _observe(self, event: Event) -> None:
        self.again.append(with_patience(event, self._world.patience_s, self._setup))

    def _carry_out(self, at: int, event: Event) -> bool:
        """Carry out a command as it was then; return whether the run went on after it."""
        place, text = event.get("place"), event.get("text")
        if not isinstance(place, str) or not isinstance(text, str):
            raise ReplayError(f"event {at + 1} is a command without a place or a text")
        given_up = self._given_up(at)
        self._impatience.expect(given_up if given_up is not None and "steps" in given_up else None)
        self._world.patience_s = patience_of(event, self._setup)
        try:
            self._run.again(place, text.encode("utf-8", "surrogateescape"))
        except (BadLine, Unsupported):
            pass  # it was skipped then, too
        except BayouError:
            # It was given up: by whoever ran it, who went on if there are commands after it.
            self._run.unsettle()
            if given_up is not None:
                self.again.append(given_up)
        except Exception:
            # A bug ended the run, as it did then: the events say whether it is the same.
            return False
        self._impatience.expect(None)
        self._run.look_round()
        return True

    def _given_up(self, at: int) -> Event | None:
        """Return the event that says that the command of event ``at`` was given up, if there is one."""
        for event in self._events[at + 1 :]:
            if event["event"] == "command":
                return None
            if event["event"] == "gave up" and "line" in event:
                return event
        return None
