"""``bayou paxos``: one decree by proposers, acceptors and learners."""

from __future__ import annotations

import argparse
import os
import sys

from bayou._arguments import seconds
from bayou._statuses import EXIT_DEADLINE, EXIT_FAILED, EXIT_WRONG
from bayou.core.errors import BayouError
from bayou.decree.plan import MACHINES, NODES_MAX, Hopeless, Plan, Wish, parse_wish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayou.worlds.world import World

EPILOG = """\
exit status: 0 when all clients were told the value, 1 on an error of the system, 2 on a wrong option or a
wrong line in the file of hosts, 3 when nothing can be decided any more, or not within the deadline.
"""


def main(arguments: Sequence[str], prog: str = "bayou paxos") -> int:
    """Run the command and return its exit status."""
    parser = make_parser(prog)
    given = parser.parse_args(arguments)
    run: Callable[[argparse.ArgumentParser, argparse.Namespace], int] = given.run
    try:
        return run(parser, given)
    except BayouError as error:
        complain(str(error))
        return EXIT_FAILED


def make_parser(prog: str = "bayou paxos") -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="One decree by proposers, acceptors and learners.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="WHAT", required=True)
    _add_decide(verbs.add_parser("decide", help="start all nodes and clients, and print what each is told"))
    return parser


def _add_decide(parser: argparse.ArgumentParser) -> None:
    parser.description = "Start nodes and clients, and print what each client is told, as CLIENT: VALUE."
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    for role, count in (("proposers", 2), ("acceptors", 3), ("learners", 1)):
        parser.add_argument(
            f"--{role}", type=_count, metavar="N", help=f"how many {role} there are (default: {count})"
        )
    parser.add_argument(
        "--value", type=_wish, action="append", required=True, metavar="V[@P]", dest="wishes",
        help="what a client wants decided, and which proposer it asks first, counted from 0, modulo how many "
        "there are (default: its place among the clients); once for each client",
    )  # fmt: skip
    parser.add_argument(
        "--kill", type=int, action="append", default=[], metavar="ID",
        help="let this node end when its first Prepare, proposal or Accepted arrives; may be repeated",
    )  # fmt: skip
    _add_times(parser)
    parser.add_argument(
        "--world", choices=("processes", "sim"), default="processes",
        help="real processes over TCP (the default), or simulated in one process",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the seed of the simulated world (default: 0)"
    )
    parser.set_defaults(run=_decide)


def _add_times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", type=seconds, default=0.5, metavar="S",
        help="how long a proposer may be silent before a client goes on to the next one (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--deadline", type=seconds, default=30.0, metavar="S",
        help="how long all of it may take before it ends with exit status 3 (default: 30)",
    )  # fmt: skip


def _decide(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    plan = Plan(
        given.proposers or 2, given.acceptors or 3, given.learners or 1, tuple(given.wishes),
        tuple(given.kill), given.timeout,
    )  # fmt: skip
    if plan.nodes > NODES_MAX:
        parser.error(f"{plan.nodes} nodes are too many: {NODES_MAX} at most")
    for id in plan.kills:
        if not 0 <= id < plan.nodes:
            parser.error(f"--kill {id}: there is no such node; their ids are 0 to {plan.nodes - 1}")
    from bayou.decree.decide import Decision
    from bayou.master.main import Ending
    from bayou.worlds.world import DeadlineExceeded

    ending = Ending()
    ending.heed_signals()
    ending.world = world = _make_world(given)
    decision = Decision(world, plan, _progress())
    try:
        decision.run()
    except (Hopeless, DeadlineExceeded) as error:
        complain(str(error))
        return EXIT_DEADLINE
    finally:
        ending.close()
    for client, value in sorted(decision.told.items()):
        sys.stdout.buffer.write(f"{client}: {value}\n".encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    return 0


def _make_world(given: argparse.Namespace) -> World:
    from bayou.worlds.world import WorldSettings

    settings = WorldSettings(given.deadline, machines=MACHINES)
    if given.world == "sim":
        from bayou.worlds.simulated import SimulatedWorld
        from bayou.worlds.weather import Faults

        world = SimulatedWorld(settings, seed=given.seed)
        world.suffer(None, None, Faults(delay_s=DELAY_S))
        return world
    from bayou.worlds.processes.world import ProcessWorld

    return ProcessWorld(settings)


DELAY_S = 0.05
"""By how much messages of the simulated world are late at most, so that seeds differ in who is first."""


def complain(line: str) -> None:
    """Write a line for a person to standard error."""
    print(f"bayou paxos: {line}", file=sys.stderr, flush=True)


def _progress() -> Callable[[str], None]:
    """Return what takes lines about how far it is: to standard error, and on a terminal only."""
    return complain if os.isatty(2) else lambda line: None


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= NODES_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {NODES_MAX}")
    return count


def _wish(text: str) -> Wish:
    try:
        return parse_wish(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


__all__ = ["EXIT_DEADLINE", "EXIT_FAILED", "EXIT_WRONG", "main", "make_parser"]
