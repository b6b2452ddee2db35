"""``bayou explore``: random runs from seeds, or every order of a small scenario."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from bayou import families
from bayou._arguments import add_functions
from bayou._statuses import BY_SIGNAL, EXIT_FAILED, EXIT_WRONG
from bayou.core.errors import BayouError
from bayou.explore.campaign import Batch, Campaign, Finding, Plan, cut_down, explore, unseen
from bayou.explore.files import Scenario, header, read_scenario
from bayou.explore.trial import Trial, family_of
from bayou.families.arguments import add_families, add_family_option
from bayou.families.planting import find_plant, known_bugs, planted
from bayou.judging.began import with_functions
from bayou.script.console import complain, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHRUNK_MAX = 5
"""How many findings are cut down: that takes longer than finding them."""

OF_CAMPAIGNS = {"seeds": 1000, "length": 90, "jobs": None, "dask": None, "bugs": False, "of": None}
OF_FILES = {"trace": None, "verbose": False, "exhaustive": False, "functions": ""}
OF_WALKS = {"states": 100_000}


class Interrupted(BaseException):
    """A signal came: Ctrl-C, or somebody's wish that this should end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _interrupt(number: int, _: object) -> NoReturn:
    raise Interrupted(number)


def main(arguments: Sequence[str] | None = None, prog: str = "bayou explore") -> int:
    """Run the command and return its exit status: 0 where nothing was found, 1 where something was."""
    add_families(arguments, prog)
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    _refuse_nonsense(parser, options)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        if options.bugs:
            return _table_of_bugs(options)
        if options.file is None:
            return _campaign(options)
        scenario = read_scenario(Path(options.file))
        return _walk(scenario, options) if options.exhaustive else _run_one(scenario, options)
    except Interrupted as interruption:
        print("interrupted", file=sys.stderr)
        return BY_SIGNAL + interruption.number
    except (OSError, BayouError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return EXIT_WRONG


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Search for broken promises: make random scenarios with faults from seeds, run each in "
        "the simulated world, judge it, and cut what fails down to the fewest lines.",
        epilog="exit status: 0 when all was well, 1 when a promise was broken, 2 for wrong arguments or a "
        "file that can't be read, 130 when interrupted, 128 and its number for another signal",
    )
    parser.add_argument(
        "file",
        nargs="?",
        help="run this scenario instead, under the conditions that it begins with, or those of --seed",
    )
    add_family_option(parser)
    parser.add_argument(
        "--of",
        choices=list(families.FAMILIES),
        help="of which family random scenarios are (default: the one that --family adds, or else store)",
    )
    parser.add_argument("--seeds", type=_count, default=1000, metavar="N", help="how many (default: 1000)")
    parser.add_argument("--seed", type=_seed, metavar="S", help="the first one (default: 0)")
    parser.add_argument(
        "--length", type=_count, default=90, metavar="N", help="commands in a run (default: 90)"
    )
    parser.add_argument("--check-steps", action="store_true", help="walk all invariants after each step")
    parser.add_argument(
        "-j", "--jobs", type=_count, metavar="N", help="how many processes (default: one for each core)"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help="run on the Dask cluster with this scheduler")
    bug = parser.add_mutually_exclusive_group()
    bug.add_argument(
        "--bug",
        choices=sorted(known_bugs()),
        metavar="NAME",
        help="plant a known bug: see --bugs",
    )
    bug.add_argument(
        "--plant",
        type=_plant,
        metavar="MODULE:FUNCTION",
        help="plant a bug of your own: a function that takes a bayou.families.planting.Patch and changes "
        "what it wants to with its setattr",
    )
    bug.add_argument(
        "--bugs", action="store_true", help="plant each known bug, and print how many seeds finding it takes"
    )
    parser.add_argument(
        "--trace", metavar="FILE", help="record what happens in the run of a file; it replays"
    )
    add_functions(parser, "general writes of a scenario may call")
    parser.add_argument("--verbose", action="store_true", help="tell of each command and exchange of a file")
    parser.add_argument(
        "--exhaustive", action="store_true", help="take FILE through every order of messages and commands"
    )
    parser.add_argument(
        "--states",
        type=_count,
        default=100_000,
        metavar="N",
        help="how many states at most (default: 100000)",
    )
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 1 to 1,000,000,000")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 0 on, of 18 digits at most")
    return int(text)


def _plant(text: str) -> str:
    try:
        find_plant(text)
    except BayouError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _refuse_nonsense(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Say so where options don't go together, instead of ignoring some of them."""
    given = {name: getattr(options, name) for name in (*OF_CAMPAIGNS, *OF_FILES, *OF_WALKS)}
    if options.file is not None:
        unfit: dict[str, object] = {
            name: default for name, default in OF_CAMPAIGNS.items() if given[name] != default
        }
        where = "a file"
    else:
        unfit = {name: default for name, default in OF_FILES.items() if given[name] != default}
        where = "a campaign: they need a file"
    if not options.exhaustive:
        unfit |= {name: default for name, default in OF_WALKS.items() if given[name] != default}
    elif options.file is not None:
        unfit |= {name: None for name in ("trace", "verbose", "functions") if given[name]}
    if unfit:
        names = ", ".join(f"--{name}" for name in unfit)
        parser.error(f"{names} can't be used with {'--exhaustive' if options.exhaustive else where}")
    options.seed_given = options.seed is not None
    options.seed = options.seed or 0
    options.bug = options.bug or options.plant


# Campaigns.


def _package(options: argparse.Namespace) -> str:
    """Return the room of the family that random scenarios are of."""
    known = list(families.FAMILIES.values())
    if options.of is not None:
        chosen = families.FAMILIES[options.of]
    else:
        chosen = families.add(options.family[-1]) if options.family else known[0]
    return "" if chosen is known[0] else chosen.package


def _campaign(options: argparse.Namespace) -> int:
    package = _package(options)
    plan = Plan(options.seed, options.seeds, options.length, options.check_steps, options.bug, package)
    campaign = Campaign(plan)
    shown: dict[str, int] = {}

    def found(finding: Finding) -> None:
        """Tell of it at once: of each problem in full when it first comes."""
        shown[finding.problem] = shown.get(finding.problem, 0) + 1
        _clear()
        if shown[finding.problem] == 1:
            own = [detail for detail in finding.details if detail.startswith(f"{finding.problem}:")]
            detail = (own or finding.details)[-1]  # other rules may have been broken too
            print(f"seed {finding.seed}: {finding.problem}: {detail[:300]}", flush=True)
        else:
            print(f"seed {finding.seed}: {finding.problem}, again", flush=True)

    with _stopped_by_signals(campaign) as interrupted:
        batch = campaign.run(
            jobs=options.jobs,
            executor=_executor(options),
            found=found,
            progress=_progress(plan.seeds),
        )
    _clear()
    print(f"{batch.runs:,} runs, {batch.messages:,} messages, {len(batch.findings)} failed")
    try:
        if not interrupted:
            _tell_findings(batch, plan)
    except Interrupted as interruption:
        interrupted.append(interruption.number)
    if interrupted and batch.findings:
        print("(not all of them are cut down; each can be run again: bayou explore --seeds 1 --seed N)")
    _tell_sightings(batch, plan)
    if interrupted:
        print(f"interrupted: {plan.seeds - batch.runs:,} of {plan.seeds:,} seeds not run", file=sys.stderr)
        return BY_SIGNAL + interrupted[0]
    return EXIT_FAILED if batch.findings else 0


@contextmanager
def _stopped_by_signals(campaign: Campaign) -> Iterator[list[int]]:
    """Let signals stop the campaign, as long as this context lasts; give out the list of those that came."""
    came: list[int] = []

    def stop(number: int, _: object) -> None:
        came.append(number)
        campaign.stop()

    heeded = [number for number in SIGNALS if signal.getsignal(number) == _interrupt]
    for number in heeded:
        signal.signal(number, stop)
    try:
        yield came
    finally:
        for number in heeded:
            signal.signal(number, _interrupt)


def _tell_findings(batch: Batch, plan: Plan) -> None:
    """Cut down the first finding of each problem, then others, and show each scenario once."""
    by_problem: dict[str, list[Finding]] = {}
    for finding in sorted(batch.findings, key=lambda finding: finding.seed):
        by_problem.setdefault(finding.problem, []).append(finding)
    firsts = [findings[0] for findings in by_problem.values()]
    others = [finding for findings in by_problem.values() for finding in findings[1:]]
    shown: dict[tuple[str, ...], None] = {}
    for finding in [*firsts, *others][: max(SHRUNK_MAX, len(firsts))]:
        short = cut_down(finding, plan)
        if short.lines not in shown:
            shown[short.lines] = None
            _tell(short, plan)


def _tell(finding: Finding, plan: Plan) -> None:
    bug = _bug_option(plan.bug)
    package = _family_option(plan)
    length = "" if plan.length == Plan().length else f" --length {plan.length}"
    print(f"\nseed {finding.seed}: {finding.problem}")
    print(f"to run it again: bayou explore --seeds 1 --seed {finding.seed}{package}{length}{bug}")
    for line in finding.details[-6:]:
        print(f"    {line}")
    added = package if plan.get_ready().is_added else ""
    print(f"what still fails, as a file for bayou explore FILE{added}{bug}:")
    for line in [header(plan.setup(finding.seed).with_bug(None)), *finding.lines]:
        print(f"    {line}")
    sys.stdout.flush()


def _family_option(plan: Plan) -> str:
    """Return what says on a command line of which family the scenarios of a plan are."""
    family = plan.get_ready()
    if not plan.package:
        return ""
    return f" --family {family.package}" if family.is_added else f" --of {family.name}"


def _bug_option(bug: str | None) -> str:
    if bug is None:
        return ""
    return f" {'--plant' if ':' in bug else '--bug'} {shlex.quote(bug)}"


def _tell_sightings(batch: Batch, plan: Plan) -> None:
    first = plan.exploring.ASKED_AGAIN
    again = {name: count for name, count in batch.sightings.items() if name.startswith(first)}
    if again:
        told = ", ".join(f"{name.removeprefix(first)[2:]} {count:,}" for name, count in sorted(again.items()))
        print(f"{first}: {told}")
    missing = unseen(batch, plan)
    if missing:
        print(f"never seen in these runs: {', '.join(missing)}")


def _table_of_bugs(options: argparse.Namespace) -> int:
    print("| planted bug | seeds until it is found | what breaks | lines that still fail |")
    print("| --- | --- | --- | --- |")
    status = 0
    package = _package(options)
    for bug in Plan(package=package).exploring.BUGS:
        plan = Plan(options.seed, options.seeds, options.length, bug=bug, package=package)
        batch = explore(plan, jobs=options.jobs, executor=_executor(options))
        if not batch.findings:
            print(f"| {bug} | not found in {plan.seeds} | | |", flush=True)
            status = EXIT_FAILED
            continue
        finding = cut_down(min(batch.findings, key=lambda finding: finding.seed), plan)
        seeds = batch.findings[0].seed - plan.first + 1
        print(f"| {bug} | {seeds} | {finding.problem} | {len(finding.lines)} |", flush=True)
    return status


# One file.


def _run_one(scenario: Scenario, options: argparse.Namespace) -> int:
    setup = scenario.setup
    if setup is None or options.seed_given:
        setup = family_of(scenario.lines).part("exploring").setup_for(options.seed)
    if setup.bug is not None and options.bug is None:
        hint = f"these conditions speak of a bug that is not planted:{_bug_option(setup.bug)} plants it"
        print(f"{options.file}: {hint}", file=sys.stderr)
    setup = setup.with_bug(options.bug)
    try:
        setup = with_functions(setup, options.functions, family_of(scenario.lines).name)
    except ValueError as error:
        raise BayouError(f"{options.file}: {error}") from error
    with planted(options.bug):
        trial = Trial(scenario.lines, setup, check=options.check_steps)
        if options.verbose:
            trial.run(write=lambda data: write_all(1, data), complain=complain)
        else:
            trial.run()
    if options.trace is not None:
        with Path(options.trace).open("w", encoding="ascii") as trace:
            trace.writelines(f"{json.dumps(event, separators=(',', ':'))}\n" for event in trial.events)
    print(f"{options.file}: {trial.problem or 'all is well'}")
    for line in trial.details:
        print(f"    {line}")
    return EXIT_FAILED if trial.problem else 0


def _walk(scenario: Scenario, options: argparse.Namespace) -> int:
    from bayou.explore.exhaustive import walk

    with planted(options.bug):
        walked = walk(scenario.texts, states_max=options.states, progress=_progress(options.states))
    _clear()
    whole = "all of them" if walked.complete else "given up there"
    print(f"{walked.states:,} distinct states, {whole}; {walked.ends} ends")
    if walked.problem is None:
        return 0
    print(f"broken: {walked.problem}\nby way of:")
    for step in walked.path:
        print(f"    {step}")
    return EXIT_FAILED


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
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
