"""The master's command line: options in, a run, an exit status out."""

from __future__ import annotations

import gc
import os
import sys

from bayou._lean import signal
from bayou.master.options import Options, parse_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from bayou.worlds.world import World

EXIT_FAILED = 1
EXIT_STRICT = 2
EXIT_DEADLINE = 3
EXIT_OUTPUT_CLOSED = 141
"""What a shell reports of a program that was ended by SIGPIPE."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal that ends the run has arrived."""

    def __init__(self, number: int) -> None:
        self.number = number


def main(arguments: Sequence[str] | None = None, prog: str = "bayou.master", world: str | None = None) -> int:
    """Run the master and return its exit status. A signal ends the process, once all is cleaned up.

    ``arguments`` are the process's own unless given; ``world`` fixes the world.
    """
    options = parse_options(sys.argv[1:] if arguments is None else arguments, prog, world)
    try:
        _heed_signals()
        return run_scenario(options)
    except Interrupted as interruption:
        _end_by(interruption.number)


def run_scenario(options: Options) -> int:
    """Run one scenario; return the exit status."""
    _open_standard_streams()
    world = _make_world(options)
    try:
        from bayou.master.console import complain

        name, fd = "<stdin>", 0
        if options.file is not None:
            name = options.file
            try:
                fd = os.open(options.file, os.O_RDONLY)
                os.read(fd, 0)
            except OSError as error:
                complain(f"{name}: can't be read: {error.strerror}")
                return EXIT_FAILED
        return _run_lines(world, options, name, fd)
    finally:
        _close(world)


def _run_lines(world: World, options: Options, name: str, fd: int) -> int:
    from bayou.core.errors import BayouError
    from bayou.master.commands import COMMANDS
    from bayou.master.console import OutputClosed, complain, read_lines
    from bayou.master.run import Run, RunSettings, StrictStop
    from bayou.worlds.world import DeadlineExceeded

    gc.freeze()
    gc.enable()
    run = Run(world, COMMANDS, RunSettings(name, options.strict, options.verbose, options.free_running))
    try:
        for number, line in read_lines(fd):
            run.line(number, line)
    except StrictStop:
        return EXIT_STRICT
    except OutputClosed:
        return EXIT_OUTPUT_CLOSED
    except DeadlineExceeded as error:
        complain(f"{run.place}: {error}")
        return EXIT_DEADLINE
    except (BayouError, OSError) as error:
        complain(f"{run.place}: {error}")
        return EXIT_FAILED
    return 0


def _make_world(options: Options) -> World:
    """Make the world; the rest of what the master needs is imported after it, while the process world's
    warm parent does its own imports."""
    from bayou.node.session import parse_guarantees
    from bayou.worlds.world import WorldSettings

    habits = None
    if options.free_running:
        from bayou.node.gossip import Habits

        habits = Habits(options.gossip_period_s, partners=options.partners)
    settings = WorldSettings(
        parse_guarantees(options.guarantees), options.deadline_s, options.verbose, habits
    )
    if options.world == "sim":
        from bayou.worlds.simulated import SimulatedWorld

        return SimulatedWorld(settings)
    from bayou.worlds.processes.world import ProcessWorld

    return ProcessWorld(settings)


def _close(world: World) -> None:
    """End all processes; nothing may interrupt that."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    world.close()


def _heed_signals() -> None:
    """Let signals end the run in good order, save those that whoever started it wants ignored."""
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _: object) -> None:
    raise Interrupted(number)


def _end_by(number: int) -> NoReturn:
    """End this process by the signal, so that whoever waits for it sees what ended it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _open_standard_streams() -> None:
    """See that descriptors 0 to 2 are taken, lest a socket be given one of them."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= 2:
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)
