"""The tester's command line."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from bayou._arguments import seconds
from bayou.tester.cases import Case, SetupError, find_cases, read_command
from bayou.tester.runner import Outcome, run_case

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_SETUP = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, prog: str = "tester.py") -> int:
    """Run the tests of the current directory and return the exit status: 0 where all of them passed."""
    options = _parser(prog).parse_args(arguments)
    here = Path()
    try:
        command = read_command(here)
        cases, without_test = find_cases(here, options.names)
    except SetupError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_SETUP
    if options.world is not None:
        command = f"{command} {shlex.join(['--world', options.world])}"
    if not options.yes and sys.stdin.isatty() and not _agrees(command, len(cases)):
        print("nothing was run", file=sys.stderr)
        return EXIT_FAILED
    try:
        return _run_all(cases, without_test, command, options.timeout)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Feed each tests/NAME.test to the command in COMMAND and compare what it prints with "
        "solutions/NAME.sol. What was printed is kept in answers/NAME.ans.",
        epilog="exit status: 0 when all tests passed, 1 when one did not, 2 when there was nothing to run",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a test, or a pattern such as 'retire*'")
    parser.add_argument("-y", "--yes", action="store_true", help="run the command without asking")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long one test may take before it is killed (default: 60)",
    )
    parser.add_argument(
        "--world", choices=("processes", "sim"), help="add --world to the command: where the nodes run"
    )
    return parser


def _agrees(command: str, count: int) -> bool:
    try:
        answer = input(f"Run this command on {count} scenario{'s' * (count != 1)}?\n  {command}\n[y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")


def _run_all(cases: list[Case], without_test: list[str], command: str, timeout_s: float) -> int:
    began = time.monotonic()
    outcomes = []
    for case in cases:
        outcome = run_case(case, command, timeout_s)
        outcomes.append(outcome)
        _report(outcome)
    for name in without_test:
        print(f"FAIL            {name}: a solution without a test: tests/{name}.test is missing")
    passed = sum(outcome.passed for outcome in outcomes)
    print(f"{passed} of {len(outcomes)} passed in {time.monotonic() - began:.1f} s")
    return 0 if passed == len(outcomes) and not without_test else EXIT_FAILED


def _report(outcome: Outcome) -> None:
    verdict = "pass" if outcome.passed else "FAIL"
    problem = f": {outcome.problem}" if outcome.problem else ""
    print(f"{verdict}  {outcome.seconds:6.2f} s  {outcome.case.name}{problem}")
    for line in outcome.details:
        print(f"    {line}")
    sys.stdout.flush()
