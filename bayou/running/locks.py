"""``bayou locks run``: scripts of clients of a lock service, all at once."""

from __future__ import annotations

import argparse
import os
import sys

from bayou._statuses import EXIT_DEADLINE, EXIT_FAILED, EXIT_OUTPUT_CLOSED, EXIT_WRONG
from bayou.core.errors import BayouError
from bayou.families.locks.script import USAGES, read_script
from bayou.families.log.commands import CLIENTS_MAX, SERVERS_MAX
from bayou.families.log.fields import parse_amount, parse_whole
from bayou.families.log.settings import plain_of
from bayou.master.main import Ending
from bayou.running.arguments import (
    TIMEOUT_S,
    add_common,
    add_rate,
    milliseconds,
    settings_for,
    whole,
)
from bayou.running.driving import drive
from bayou.running.kept import Kept, open_directory
from bayou.running.scripts import Plan, Script, ScriptRun, ScriptSystem, Stuck
from bayou.running.stage import RunStage
from bayou.script.console import complain, read_lines
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.worlds.world import World

__all__ = ["EXIT_DEADLINE", "EXIT_FAILED", "EXIT_OUTPUT_CLOSED", "EXIT_WRONG", "main"]

SERVERS = 3
FAIL_S_MAX = 1_000_000.0
OFF_MAX = 20
"""How many lines that are off are told of."""

EPILOG = f"""\
A script has a command on each line: {", ".join(USAGES.values())}. The first file is that of
client 0. Lines that begin with # or // are comments.

exit status: 0 when all scripts have ended, 1 on an error of the system under test, 2 on a wrong option, a
line that is off or a file that can't be read, before anything is started, 3 when all scripts that are left
wait for each other, or nothing has moved for the time of --deadline, 141 when nobody reads the output any
more; as usual for a signal.
"""


def main(arguments: Sequence[str] | None = None, prog: str = "bayou locks run") -> int:
    """Run scripts and return the exit status. A signal ends the process, once all is cleaned up."""
    ending = Ending()
    ending.heed_signals()
    parser = _parser(prog)
    given = parser.parse_args(arguments)
    _check(parser, given)
    scripts = _read_scripts(given.files)
    if scripts is None:
        return EXIT_WRONG
    kept = Kept((), 0)
    if given.data is not None:
        try:
            kept = open_directory(given.data, given.servers)
        except BayouError as error:
            complain(f"{prog}: {error}")
            return EXIT_WRONG
    return drive(
        given, prog, ScriptSystem.machines, ending, lambda world: _run(world, given, prog, scripts, kept)
    )


def _run(world: World, given: argparse.Namespace, prog: str, scripts: Sequence[Script], kept: Kept) -> int:
    settings = settings_for(TIMEOUT_S if given.timeout is None else given.timeout)
    stage = RunStage(world, verbose=given.verbose, options={"locks": plain_of(settings)})
    system = ScriptSystem(stage, scripts, kept.journals, kept.runs)
    faults = {
        "loss": given.loss or 0.0,
        "duplicate": given.duplicate or 0.0,
        "reorder": given.reorder or 0.0,
        "delay_s": given.delay / 1000,
    }
    plan = Plan(given.servers, faults, tuple(given.fail), given.recover, given.deadline)
    try:
        ScriptRun(system, scripts, plan).run()
    except Stuck as error:
        complain(f"{prog}: {error}")
        for line in error.lines:
            complain(line)
        return EXIT_DEADLINE
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Run scripts of clients of a lock service, and print each grant as it happens: the lock, "
        "and the client that has it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a script, a file for each client from id 0 on"
    )
    parser.add_argument(
        "--servers",
        type=whole(1, SERVERS_MAX),
        default=SERVERS,
        metavar="N",
        help=f"how many servers there are, 1 to {SERVERS_MAX} (default: {SERVERS})",
    )
    add_rate(parser, "--loss", "between any two nodes is lost")
    add_rate(parser, "--duplicate", "between any two nodes arrives twice")
    add_rate(parser, "--reorder", "between any two nodes is overtaken by later ones")
    parser.add_argument(
        "--delay",
        type=milliseconds,
        default=0.0,
        metavar="MS",
        help="by how many milliseconds each message is late at most, each by a random share (default: 0)",
    )
    parser.add_argument(
        "--fail",
        type=_failure,
        action="append",
        default=[],
        metavar="ID[@S]",
        help="let that server die S seconds after the scripts have begun (default: 0, before they begin); "
        "may be given more than once",
    )
    parser.add_argument(
        "--recover",
        type=_recovery,
        default=None,
        metavar="S",
        help="let each dead server come back after S seconds, from what it had made durable; without this it "
        "stays dead",
    )
    parser.add_argument(
        "--data",
        default=None,
        metavar="DIR",
        help="keep what servers make durable in this directory, and go on from what an earlier run has left "
        "there; what clients of earlier runs hold is given back first (real processes only)",
    )
    add_common(parser)
    return parser


def _check(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """End the process with status 2 where options do not go together."""
    if len(given.files) > CLIENTS_MAX:
        parser.error(f"{len(given.files)} scripts; {CLIENTS_MAX} are the limit")
    for server, _ in given.fail:
        if server >= given.servers:
            parser.error(f"--fail {server}: there is no such server: there are 0 to {given.servers - 1}")
    if given.data is not None and given.world == "sim":
        parser.error(
            "--data: the simulated world keeps nothing in files: leave out one of --data and --world"
        )


def _failure(text: str) -> tuple[int, float]:
    server, at, when = text.partition("@")
    try:
        id = parse_whole(server)
        if id < 0 or (at and not when):
            raise BadLine("no id")
        return id, parse_amount(when, FAIL_S_MAX) if at else 0.0
    except BadLine as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no ID[@S], such as 0 or 2@1.5") from error


def _recovery(text: str) -> float:
    try:
        return parse_amount(text, FAIL_S_MAX)
    except BadLine as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _read_scripts(names: Sequence[str]) -> list[Script] | None:
    """Read all scripts; None where something is wrong with one, which is said on standard error."""
    scripts: list[Script] = []
    complaints: list[str] = []
    for name in names:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                steps, off = read_script(read_lines(fd))
            finally:
                os.close(fd)
        except OSError as error:
            complaints.append(f"{name or repr(name)}: can't be read: {error.strerror}")
            continue
        complaints += [f"{name}:{each.line}: {each.text!r}: {each.why}" for each in off]
        scripts.append(Script(name, tuple(steps)))
    for line in complaints[:OFF_MAX]:
        complain(line)
    if len(complaints) > OFF_MAX:
        complain(f"and {len(complaints) - OFF_MAX:,} more lines like these")
    return None if complaints else scripts


if __name__ == "__main__":
    sys.exit(main())
