"""Traces of a run: written to a file, kept to be judged in the end, or both."""

from __future__ import annotations

import os

from bayou._statuses import EXIT_INVALID, EXIT_UNKNOWN
from bayou.script.console import write_all
from bayou.trace.file import VERSION, to_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.master.options import Options
    from bayou.master.run import Run
    from bayou.trace.file import Event
    from bayou.worlds.world import World

GATHERINGS_MAX = 100


class Recording:
    """Takes the events of a run: the world's and the master's. OSError where the file can't be written."""

    def __init__(self, world: World, options: Options) -> None:
        self._fd: int | None = None
        if options.trace is not None:
            self._fd = os.open(options.trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._kept: list[Event] | None = [] if options.check else None
        self._of_processes = options.world == "processes"
        self._count = 0
        world.observe = self.observe
        self.observe(began(options))

    def observe(self, event: Event) -> None:
        """Take an event."""
        self._count += 1
        if self._fd is not None:
            write_all(self._fd, f"{to_line(event)}\n".encode())
        if self._kept is not None:
            self._kept.append(event)

    def gather(self, run: Run) -> None:
        """Take in what processes have still to tell. Where nobody told anything while all were asked where
        they stand, no event is missing that another one depends on, and ``ended`` says so."""
        from bayou.core.errors import BayouError
        from bayou.machine.messages import Probe

        nodes = [] if run.system is None else run.system.nodes
        try:
            for _ in range(GATHERINGS_MAX if self._of_processes else 0):
                before = self._count
                run.world.begin()
                run.world.ask_all([(node, Probe()) for node in nodes])
                if self._count == before:
                    self.observe({"event": "ended"})
                    return
        except BayouError:
            pass  # whoever judges sees that the end is missing

    def end(self) -> int:
        """The run is over: judge it if that was asked for. Returns the exit status."""
        if self._fd is not None:
            os.close(self._fd)
        if self._kept is None:
            return 0
        from bayou.check.history import HistoryError
        from bayou.check.verdict import INVALID, VALID, overall
        from bayou.core.errors import BayouError
        from bayou.families.judging import judge
        from bayou.script.console import complain

        try:
            verdicts = judge(self._kept, is_own=True)
        except (
            BayouError,
            HistoryError,
        ) as error:  # its family has no rules, or events that these can't read
            complain(str(error))
            return EXIT_UNKNOWN
        for rule, verdict in verdicts.items():
            for at, why in verdict.broken[:3]:
                complain(f"event {at}: {rule}: {why}")
            if verdict.untold:
                complain(f"not judged: {rule}: {verdict.untold}")
        word = overall(verdicts)
        return EXIT_INVALID if word == INVALID else 0 if word == VALID else EXIT_UNKNOWN


def began(options: Options) -> Event:
    """Return the first event of a trace: all that a replay needs to know beside the commands."""
    return {
        "event": "began",
        "version": VERSION,
        "world": options.world,
        "seed": options.seed,
        "free_running": options.free_running,
        "deadline_s": options.deadline_s,
        "families": options.families,
    }


def given_up(world: World, line: int) -> Event:
    """Return the event of a command that somebody at a prompt gave up. In the simulated world, which is a
    function of what it is told and when, it says when that was."""
    event: Event = {"event": "gave up", "line": line}
    steps, now_s = getattr(world, "steps", None), getattr(world, "now_s", None)
    return event if steps is None else {**event, "steps": steps, "now_s": now_s}
