"""Driving a world from a command line: from its making to its end, and which exit status comes of it."""

from __future__ import annotations

from bayou._statuses import EXIT_DEADLINE, EXIT_FAILED, EXIT_OUTPUT_CLOSED
from bayou.core.errors import BayouError
from bayou.master.main import Ending, open_standard_streams
from bayou.script.console import OutputClosed, complain
from bayou.worlds.world import DeadlineExceeded, WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from bayou.worlds.world import World

STARTING_S = 30.0
"""How long it may take at least to start or stop something, however short a deadline is given."""


def drive(
    given: argparse.Namespace, prog: str, machines: str, ending: Ending, work: Callable[[World], int]
) -> int:
    """Make the world that the command line asks for (``world``, ``seed``, ``deadline``, ``verbose``), let
    ``work`` do its work in it, and end all that was started; return the exit status. What goes wrong is said
    on standard error."""
    open_standard_streams()
    try:
        ending.world = world = _make_world(given, machines)
        return work(world)
    except OutputClosed:
        return EXIT_OUTPUT_CLOSED
    except DeadlineExceeded as error:
        complain(f"{prog}: {error}")
        return EXIT_DEADLINE
    except (BayouError, OSError) as error:
        complain(f"{prog}: {error}")
        return EXIT_FAILED
    finally:
        ending.close()


def _make_world(given: argparse.Namespace, machines: str) -> World:
    settings = WorldSettings(max(STARTING_S, given.deadline), given.verbose, machines, given.seed)
    if given.world == "sim":
        from bayou.worlds.simulated import SimulatedWorld

        return SimulatedWorld(settings, seed=given.seed)
    from bayou.worlds.processes.world import ProcessWorld

    return ProcessWorld(settings)
