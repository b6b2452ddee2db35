"""The tester's command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NoReturn

from bayou._arguments import seconds
from bayou.tester.cases import Case, Suite, find_suite, read_command, with_arguments
from bayou.tester.config import SetupError
from bayou.tester.record import LastRun
from bayou.tester.report import Reporter, describe_scores, write_junit
from bayou.tester.runner import Outcome, Runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXIT_FAILED = 1
EXIT_SETUP = 2
EXIT_INTERRUPTED = 130
JOBS_MAX = 64


def main(arguments: Sequence[str] | None = None, prog: str = "tester.py") -> int:
    """Run the tests of the current directory and return the exit status: 0 where all of them passed."""
    options = _parser(prog).parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    here = Path()
    last_run = LastRun(here)
    try:
        if options.bless:
            return _bless(find_suite(here, [*options.bless, *options.names]), last_run)
        command = with_arguments(
            read_command(here), ["--world", options.world] if options.world is not None else []
        )
        suite = find_suite(here, options.names)
        _prepare_answers(here)
        if options.failed:
            suite = Suite([case for case in suite.cases if last_run.failed(case.name)], [])
            if not suite.cases:
                print("nothing failed last time")
                return 0
        if not options.yes and not _agrees(command, len(suite.cases)):
            print("nothing was run", file=sys.stderr)
            return EXIT_FAILED
        return _run_all(suite, Runner(command, options.timeout), last_run, options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads on: nothing is left to be flushed
        return EXIT_FAILED
    except (SetupError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_SETUP
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Feed each tests/NAME.test to the command in COMMAND and compare what it prints with "
        "solutions/NAME.sol. What was printed is kept in answers/NAME.ans. tests/NAME.config may say how.",
        epilog="exit status: 0 when all tests passed, 1 when one did not, 2 when there was nothing to run",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a test, or a pattern such as 'retire*'")
    parser.add_argument("-y", "--yes", action="store_true", help="run the command without asking")
    parser.add_argument(
        "-j", "--jobs", type=_jobs, default=1, metavar="N", help="run so many tests at the same time"
    )
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
    parser.add_argument("--failed", action="store_true", help="run only what failed when it last ran")
    parser.add_argument(
        "--bless",
        action="append",
        metavar="NAME",
        help="run nothing: make what this test printed when it last ran its solution, and show the diff",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit's XML too")
    return parser


def _prepare_answers(directory: Path) -> None:
    answers = directory / "answers"
    try:
        answers.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=answers):
            pass
    except OSError as error:
        raise SetupError(f"answers go into {answers}/, which can't be written: {error.strerror}") from error


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= JOBS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {JOBS_MAX}")
    return int(text)


def _agrees(command: str, count: int) -> bool:
    """Ask whether to run the command, if there is somebody to be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        return True
    try:
        answer = input(f"Run this command on {count} scenario{'s' * (count != 1)}?\n  {command}\n[y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")


def _bless(suite: Suite, last_run: LastRun) -> int:
    status = 0
    for case in suite.cases:
        is_new = not case.solution.exists()
        try:
            shown = last_run.bless(case)
        except SetupError as error:
            print(error, file=sys.stderr)
            status = EXIT_FAILED
            continue
        news = "written" if is_new else "changed" if shown else "says so already"
        print("\n".join([f"solutions/{case.solution.name}: {news}", *(f"    {line}" for line in shown)]))
    return status


def _run_all(suite: Suite, runner: Runner, last_run: LastRun, options: argparse.Namespace) -> int:
    began = time.monotonic()
    reporter = Reporter(len(suite.cases))
    outcomes: list[Outcome] = []
    try:
        for outcome in _outcomes(suite.cases, runner, options.jobs, reporter):
            outcomes.append(outcome)
            reporter.ended(outcome)
    finally:
        reporter.clear()
        last_run.note(outcomes)
    for orphan in suite.orphans:
        print(f"FAIL            {orphan} belongs to no test: tests/{Path(orphan).stem}.test is missing")
    for line in describe_scores(outcomes, time.monotonic() - began):
        print(line)
    if options.junit is not None:
        write_junit(options.junit, sorted(outcomes, key=lambda outcome: outcome.case.name))
    return 0 if all(outcome.passed for outcome in outcomes) and not suite.orphans else EXIT_FAILED


def _outcomes(cases: list[Case], runner: Runner, jobs: int, reporter: Reporter) -> Iterator[Outcome]:
    """Give out outcomes as tests end, ``jobs`` of them running at a time. Whatever ends this early ends the
    tests under way too."""
    waiting = iter(cases)
    running: dict[Future[Outcome], Case] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                for case in waiting:
                    running[pool.submit(runner.run, case)] = case
                    if len(running) == jobs:
                        break
                if not running:
                    return
                reporter.begins(list(running.values()))
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in [future for future in running if future in done]:
                    del running[future]
                    yield future.result()
        finally:
            runner.stop()


def _interrupt(number: int, _: object) -> NoReturn:
    raise KeyboardInterrupt(number)
