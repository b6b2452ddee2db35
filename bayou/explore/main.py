"""``bayou explore``: random runs from seeds, or every order of a small scenario."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from bayou.core.errors import BayouError
from bayou.explore.bugs import BUGS
from bayou.explore.campaign import Finding, Plan, cut_down, explore, unseen
from bayou.explore.trial import Conditions, Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

EXIT_FOUND = 1
EXIT_WRONG = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, prog: str = "bayou explore") -> int:
    """Run the command and return its exit status: 0 where nothing was found, 1 where something was."""
    options = _parser(prog).parse_args(arguments)
    try:
        if options.bugs:
            return _table_of_bugs(options)
        if options.exhaustive:
            return _walk(options)
        if options.file is not None:
            return _run_one(options)
        return _campaign(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (OSError, BayouError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_WRONG


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Search for broken promises: make random scenarios with faults from seeds, run each in "
        "the simulated world, judge it, and cut what fails down to the fewest lines.",
        epilog="exit status: 0 when all was well, 1 when a promise was broken, 2 for wrong arguments",
    )
    parser.add_argument("file", nargs="?", help="run this scenario instead, under the conditions of --seed")
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="how many (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first one (default: 0)")
    parser.add_argument("--length", type=int, default=90, metavar="N", help="commands in a run (default: 90)")
    parser.add_argument("--check-steps", action="store_true", help="walk all invariants after each step")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes")
    parser.add_argument("--dask", metavar="ADDRESS", help="run on the Dask cluster with this scheduler")
    parser.add_argument("--bug", choices=sorted(BUGS), metavar="NAME", help="plant a known bug: see --bugs")
    parser.add_argument(
        "--bugs", action="store_true", help="plant each known bug, and print how many seeds finding it takes"
    )
    parser.add_argument(
        "--exhaustive", action="store_true", help="take FILE through every order of messages and commands"
    )
    parser.add_argument(
        "--states", type=int, default=100_000, metavar="N", help="how many states at most (default: 100000)"
    )
    return parser


def _campaign(options: argparse.Namespace) -> int:
    plan = Plan(options.seed, options.seeds, options.length, options.check_steps, options.bug)
    batch = explore(plan, jobs=options.jobs, executor=_executor(options), progress=_progress(plan.seeds))
    _clear()
    print(f"{batch.runs:,} runs, {batch.messages:,} messages, {len(batch.findings)} failed")
    for finding in sorted(batch.findings, key=lambda finding: finding.seed)[:5]:
        _tell(cut_down(finding, plan), plan)
    missing = unseen(batch)
    if missing:
        print(f"never seen in these runs: {', '.join(missing)}")
    return EXIT_FOUND if batch.findings else 0


def _tell(finding: Finding, plan: Plan) -> None:
    bug = f" --bug {shlex.quote(plan.bug)}" if plan.bug else ""
    length = "" if plan.length == Plan().length else f" --length {plan.length}"
    print(f"\nseed {finding.seed}: {finding.problem}")
    print(f"to run it again: bayou explore --seeds 1 --seed {finding.seed}{length}{bug}")
    for line in finding.details[-6:]:
        print(f"    {line}")
    print(f"what still fails (bayou explore FILE --seed {finding.seed}{bug}):")
    for line in finding.lines:
        print(f"    {line}")


def _table_of_bugs(options: argparse.Namespace) -> int:
    print("| planted bug | seeds until it is found | what breaks | lines that still fail |")
    print("| --- | --- | --- | --- |")
    status = 0
    for bug in BUGS:
        plan = Plan(options.seed, options.seeds, options.length, bug=bug)
        batch = explore(plan, jobs=options.jobs, executor=_executor(options))
        if not batch.findings:
            print(f"| {bug} | not found in {plan.seeds} | | |", flush=True)
            status = EXIT_FOUND
            continue
        finding = cut_down(min(batch.findings, key=lambda finding: finding.seed), plan)
        seeds = finding.seed - plan.first + 1
        print(f"| {bug} | {seeds} | {finding.problem} | {len(finding.lines)} |", flush=True)
    return status


def _run_one(options: argparse.Namespace) -> int:
    from bayou.explore.bugs import planted

    lines = Path(options.file).read_text(encoding="utf-8").splitlines()
    with planted(options.bug):
        trial = Trial(lines, Conditions(options.seed, options.check_steps)).run()
    print(f"{options.file}: {trial.problem or 'all is well'}")
    for line in trial.details:
        print(f"    {line}")
    return EXIT_FOUND if trial.problem else 0


def _walk(options: argparse.Namespace) -> int:
    from bayou.explore.exhaustive import walk

    if options.file is None:
        raise BayouError("--exhaustive needs a scenario: a file with joins first, then a few commands")
    lines = Path(options.file).read_text(encoding="utf-8").splitlines()
    walked = walk(lines, states_max=options.states, progress=_progress(options.states))
    _clear()
    whole = "all of them" if walked.complete else f"given up at {options.states:,}"
    print(f"{walked.states:,} distinct states, {whole}; {walked.ends} ends")
    if walked.problem is None:
        return 0
    print(f"broken: {walked.problem}\nby way of:")
    for step in walked.path:
        print(f"    {step}")
    return EXIT_FOUND


def _executor(options: argparse.Namespace) -> Executor | None:
    if options.dask is None:
        return None
    try:
        from distributed import Client
    except ImportError as error:
        raise BayouError("--dask needs the extra: pip install 'bayou[dask]'") from error
    executor: Executor = Client(options.dask).get_executor()
    return executor


def _progress(total: int) -> Callable[[int], None]:
    """Return what shows how far a campaign is, on standard error, if that is a terminal."""
    shows = sys.stderr is not None and sys.stderr.isatty()

    def show(done: int) -> None:
        if shows and done % 25 == 0:
            print(f"\r{done:,} of {total:,}", end="", file=sys.stderr, flush=True)

    return show


def _clear() -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
