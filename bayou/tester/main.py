"""The tester's command line."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

from bayou._arguments import seconds
from bayou._quoting import printable
from bayou._statuses import EXIT_FAILED, EXIT_WRONG
from bayou.tester.cases import Case, Suite, find_suite
from bayou.tester.command import Advice, Command
from bayou.tester.config import SetupError
from bayou.tester.interruption import Interrupted, Interruption
from bayou.tester.processes import Stopped
from bayou.tester.record import LastRun
from bayou.tester.report import Reporter, describe_interruption, describe_scores, write_junit
from bayou.tester.runner import Outcome, Runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

"""By Ctrl-C; by another signal it is 128 and its number."""

JOBS_MAX = 64


def main(
    arguments: Sequence[str] | None = None, prog: str = "tester.py", *, needs_command: bool = True
) -> int:
    """Run the tests of the current directory and return the exit status: 0 where all of them passed.

    Without a COMMAND this is an error, or else scenarios run on this interpreter's own bayou.
    """
    options = _parser(prog, needs_command=needs_command).parse_args(arguments)
    try:
        interruption = Interruption()
        return _main(options, prog, interruption, needs_command=needs_command)
    except Interrupted as interrupted:
        print("interrupted", file=sys.stderr)
        return interrupted.status
    except BrokenPipeError:
        _give_up_output()
        return EXIT_FAILED
    except (SetupError, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_WRONG


def _main(options: argparse.Namespace, prog: str, interruption: Interruption, *, needs_command: bool) -> int:
    here = Path()
    advice = Advice(prog)
    last_run = LastRun(here, advice)
    if options.bless:
        return _bless(find_suite(here, [*options.bless, *options.names]), last_run)
    if needs_command:
        command = Command.read(
            here, remedy="; or call `bayou test`, which runs scenarios itself where there is none"
        )
    else:
        command = Command.read_or_own(here)
    if options.world is not None:
        command = command.adding(["--world", options.world])
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
    return _run_all(suite, Runner(command, options.timeout, advice), last_run, options, interruption)


def _parser(prog: str, *, needs_command: bool) -> argparse.ArgumentParser:
    own = (
        ""
        if needs_command
        else " Without a COMMAND, scenarios run on the bayou that this program is part of."
    )
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Feed each tests/NAME.test to the command in COMMAND and compare what it prints with "
        "solutions/NAME.sol. What was printed is kept in answers/NAME.ans. tests/NAME.config may say how. "
        f"Tests may lie in sub-folders: the name of tests/SUB/NAME.test is SUB/NAME.{own} At a terminal it "
        "first shows the command, and asks whether to run it.",
        epilog="exit status: 0 when all tests passed; 1 when one did not, when a solution or a configuration "
        "belongs to no test, when a blessing was refused, when the answer to the question was no, and when "
        "nobody reads the output; 2 for a wrong option, and when there was nothing to run; 130 after Ctrl-C, "
        "128 and its number after another signal",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a test, a pattern such as 'retire*', or a sub-folder"
    )
    parser.add_argument(
        "-y", "--yes", action="store_true", help="run the command without asking, at a terminal too"
    )
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


def _agrees(command: Command, count: int) -> bool:
    """Ask whether to run the command, if there is somebody to be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        return True
    try:
        question = f"Run this command on {count} scenario{'s' * (count != 1)}?\n  {command.shell}\n[y/N] "
        answer = input(question)
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
        lines = [f"solutions/{case.name}.sol: {news}", *(f"    {line}" for line in shown)]
        print("\n".join(printable(line) for line in lines))
    return status


def _run_all(
    suite: Suite, runner: Runner, last_run: LastRun, options: argparse.Namespace, interruption: Interruption
) -> int:
    began = time.monotonic()
    outcomes: list[Outcome] = []
    reporter = Reporter(len(suite.cases))
    with interruption.ending(runner.processes.stop):
        try:
            with closing(_outcomes(suite.cases, runner, options.jobs, reporter)) as ended:
                for outcome in ended:
                    outcomes.append(outcome)
                    reporter.ended(outcome)
        except OSError:
            if interruption.status is None:
                raise
        finally:
            last_run.note(outcomes)
        status = interruption.status
        try:
            _tell(suite, outcomes, began, options.junit)
            if status is not None:
                print(describe_interruption(len(suite.cases), len(outcomes), runner.processes.cut_off))
                sys.stdout.flush()
        except OSError as error:
            if status is None:
                raise
            _complain(str(error))
        if status is not None:
            return status
    return 0 if all(outcome.passed for outcome in outcomes) and not suite.orphans else EXIT_FAILED


def _tell(suite: Suite, outcomes: list[Outcome], began: float, junit: Path | None) -> None:
    """Write and print what the run came to; OSError where a part of it can't be, once the rest is."""
    failure: OSError | None = None
    if junit is not None:
        try:
            write_junit(junit, sorted(outcomes, key=lambda outcome: outcome.case.name))
        except OSError as error:
            failure = error
    for orphan in suite.orphans:
        missing = f"{printable(orphan.test)} is missing"
        print(f"FAIL            {printable(orphan.file)} belongs to no test: {missing}")
    print("\n".join(describe_scores(outcomes, time.monotonic() - began)), flush=True)
    if failure is not None:
        raise failure


def _outcomes(cases: list[Case], runner: Runner, jobs: int, reporter: Reporter) -> Generator[Outcome]:
    """Give out outcomes as tests end, ``jobs`` of them running at a time. Whatever ends this early ends the
    tests under way too; where they were stopped, no more are begun."""
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
                    try:
                        outcome = future.result()
                    except Stopped:
                        waiting = iter(())
                    else:
                        yield outcome
        finally:
            runner.processes.stop()
            reporter.clear()


def _complain(text: str) -> None:
    """Say something on standard error, if anybody is there to hear it."""
    _give_up_output()
    try:
        print(text, file=sys.stderr)
    except OSError:
        pass


def _give_up_output() -> None:
    """Nobody reads on: let nothing be left that would have to be flushed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
