"""The master's command line: options in, a run, an exit status out."""

from __future__ import annotations

import gc
import os
import sys

from bayou._lean import signal
from bayou._statuses import (
    BY_SIGNAL,
    EXIT_DEADLINE,
    EXIT_FAILED,
    EXIT_OUTPUT_CLOSED,
    EXIT_UNEXPECTED,
    EXIT_WRONG,
)
from bayou.master.options import Options, parse_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.script.grammar import Command
    from bayou.worlds.world import World

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """Ends this process in good order when a signal says so, wherever it is in its work.

    All is done in the handler itself: an exception could be lost where Python has nobody to pass it to,
    in the callback of a weak reference for instance.
    """

    def __init__(self) -> None:
        self.world: World | None = None

    def heed_signals(self) -> None:
        """Let signals end the run, save those that whoever started it wants ignored."""
        for number in _ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._end_by)

    def close(self) -> None:
        """End all processes; nothing may interrupt that."""
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        if self.world is not None:
            self.world.close()

    def _end_by(self, number: int, _: object) -> None:
        """Clean up, then end by the signal, so that whoever waits for this process sees what ended it."""
        self.close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(BY_SIGNAL + number)


def main(arguments: Sequence[str] | None = None, prog: str = "bayou.master", world: str | None = None) -> int:
    """Run the master and return its exit status. A signal ends the process, once all is cleaned up.

    ``arguments`` are the process's own unless given; ``world`` fixes the world.
    """
    ending = Ending()
    ending.heed_signals()
    options = parse_options(sys.argv[1:] if arguments is None else arguments, prog, world)
    return run_scenario(options, ending)


def run_scenario(options: Options, ending: Ending) -> int:
    """Run one scenario; return the exit status."""
    open_standard_streams()
    ending.world = world = _make_world(options)
    try:
        from bayou.script.console import complain

        name, fd = "<stdin>", 0
        if options.file is not None:
            name = options.file
            try:
                fd = os.open(options.file, os.O_RDONLY)
                os.read(fd, 0)
            except OSError as error:
                complain(f"{name or repr(name)}: can't be read: {error.strerror}")
                return EXIT_FAILED
        return _run_lines(world, options, name, fd)
    finally:
        ending.close()


def _run_lines(world: World, options: Options, name: str, fd: int) -> int:
    from bayou.core.errors import BayouError
    from bayou.master.language import COMMANDS
    from bayou.master.run import Run, RunSettings, StrictStop
    from bayou.script.console import OutputClosed, complain, read_lines
    from bayou.worlds.world import DeadlineExceeded

    gc.freeze()
    gc.enable()
    typed: dict[str, Command] = COMMANDS
    at_prompt = fd == 0 and os.isatty(0) and os.isatty(1)
    if at_prompt:
        from bayou.master.helping import PROMPT_COMMANDS
        from bayou.master.prompt import Prompt

        typed = {**COMMANDS, **PROMPT_COMMANDS}
    recording = None
    try:
        if options.trace is not None or options.check:
            from bayou.master.recording import Recording

            recording = Recording(world, options)
    except OSError as error:
        complain(f"{options.trace}: can't be written: {error.strerror}")
        return EXIT_FAILED
    settings = RunSettings(name, options.strict, options.verbose, options.free_running, options.families)
    observe = None if recording is None else recording.observe
    run = Run(world, COMMANDS, settings, typed=typed, observe=observe)
    try:
        if at_prompt:
            Prompt(run).converse()
        else:
            for number, line in read_lines(fd):
                run.line(number, line)
        run.end()
        if recording is not None:
            recording.gather(run)
    except StrictStop:
        return EXIT_UNEXPECTED if run.unmet else EXIT_WRONG
    except OutputClosed:
        return EXIT_OUTPUT_CLOSED
    except DeadlineExceeded as error:
        complain(f"{run.place}: {error}")
        return EXIT_DEADLINE
    except (BayouError, OSError) as error:
        complain(f"{run.place}: {error}{_remedy(error)}")
        return EXIT_FAILED
    finally:
        verdict = 0 if recording is None else recording.end()
    return EXIT_UNEXPECTED if run.unmet and not at_prompt else verdict


def _make_world(options: Options) -> World:
    """Make the world; the rest of what the master needs is imported after it, while the process world's
    warm parent does its own imports."""
    from bayou.families import FAMILIES
    from bayou.worlds.world import WorldSettings

    family = next(iter(FAMILIES.values()))
    settings = WorldSettings(options.deadline_s, options.verbose, family.machines, options.seed)
    if options.world == "sim":
        from bayou.worlds.simulated import SimulatedWorld

        return SimulatedWorld(settings, seed=options.seed)
    from bayou.worlds.processes.world import ProcessWorld

    return ProcessWorld(settings)


def open_standard_streams() -> None:
    """See that descriptors 0 to 2 are taken, lest a socket be given one of them."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= 2:
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


def _remedy(error: Exception) -> str:
    """Return what may help, where the message alone does not say it."""
    from errno import EMFILE, ENFILE

    if isinstance(error, OSError) and error.errno in (EMFILE, ENFILE):
        return ": every server and client needs a descriptor here; ulimit -n raises the limit"
    return ""
