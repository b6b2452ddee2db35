"""A campaign that tries to break the model of the commit group.

    python -m tests.group_campaign --seeds 100000 --seed 0 -j 2
    python -m tests.group_campaign --seeds 20000 -j 2 --bug "f are enough"
    python -m tests.group_campaign --seeds 20000 -j 2 --bugs
    python -m tests.group_campaign --seeds 30000 -j 2 --real

runs random histories (tests/group_driver.py), each a function of its seed. Exit status 1 where one breaks;
its seed and what happened in it are printed. With a bug it ends with the first batch that finds it;
``--bugs`` plants each in turn (tests/group_bugs.py), and says which seed finds it first, and which directed
run does. ``--real`` has the product's own replicas and votes do the same beside the model
(tests/group_both.py), and plants its bugs in these (tests/group_real_bugs.py)."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from tests.group_both import run_real
from tests.group_bugs import BUGS
from tests.group_driver import Outcome, run_seed
from tests.group_real_bugs import REAL_BUGS, planted
from tests.group_rules import Broken, Rules
from tests.group_runs import RUNS
from tests.group_world import SIGHTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 100
IN_LOCK_STEP = "a leader in a minority proposes"
"""Breaks in lock-step alone, of which random histories have none."""


def rules_of(bug: str | None) -> Rules:
    """Return the rules without the one that a bug leaves out; all for None."""
    return Rules() if bug is None else BUGS[bug].rules


def run_one(seed: int, bug: str | None, *, real: bool, told: bool = False) -> Outcome:
    """Run one seed: on the model, or on the product beside it."""
    if not real:
        return run_seed(seed, rules_of(bug), told=told)
    with planted(bug):
        return run_real(seed, told=told)


def run_batch(first: int, count: int, bug: str | None, real: bool = False) -> list[Outcome]:
    """Run some seeds; with a bug, up to the first that finds it."""
    outcomes = []
    for seed in range(first, first + count):
        outcome = run_one(seed, bug, real=real)
        outcomes.append(outcome)
        if bug is not None and outcome.problem:
            break
    return outcomes


def first_finding(bug: str, first: int, count: int, real: bool = False) -> Outcome | None:
    """Return what comes of the first of these seeds that finds a bug; None where none does."""
    last = run_batch(first, count, bug, real)[-1]
    return last if last.problem else None


def found_by_run(bug: str) -> str:
    """Return what breaks in the directed run of a bug; nothing where it has none, or nothing breaks."""
    if BUGS[bug].run:
        try:
            RUNS[BUGS[bug].run](BUGS[bug].rules)
        except Broken as broken:
            return str(broken)
    return ""


def batches(first: int, seeds: int, bug: str | None, jobs: int, real: bool) -> Iterator[list[Outcome]]:
    """Yield what comes of some seeds, a batch at a time, in order."""
    firsts = range(first, first + seeds, BATCH)
    counts = [min(BATCH, first + seeds - each) for each in firsts]
    if jobs == 1:
        yield from map(run_batch, firsts, counts, [bug] * len(counts), [real] * len(counts))
        return
    with ProcessPoolExecutor(jobs) as pool:
        step = 4 * jobs
        for at in range(0, len(counts), step):
            part = counts[at : at + step]
            of_all = [bug] * len(part), [real] * len(part)
            yield from pool.map(run_batch, firsts[at : at + step], part, *of_all)


def campaign(first: int, seeds: int, bug: str | None, jobs: int, *, real: bool = False) -> int:
    """Run the seeds, and print what came of them; return the exit status."""
    shows = sys.stderr is not None and sys.stderr.isatty()
    runs = steps = committed = epochs = 0
    failed: list[Outcome] = []
    seen = dict.fromkeys(SIGHTINGS, 0)
    for outcomes in batches(first, seeds, bug, jobs, real):
        runs += len(outcomes)
        steps += sum(each.steps for each in outcomes)
        committed += sum(each.committed for each in outcomes)
        epochs += sum(each.epochs for each in outcomes)
        failed += [each for each in outcomes if each.problem]
        for what in SIGHTINGS:
            seen[what] += sum(each.seen[what] for each in outcomes)
        if shows:
            print(f"\r{runs:,} of {seeds:,} runs, {len(failed)} failed", end="", file=sys.stderr, flush=True)
        if bug is not None and failed:
            break
    if shows:
        print(file=sys.stderr)
    if failed:
        for line in run_one(failed[0].seed, bug, real=real, told=True).told:
            print(line)
    for what in SIGHTINGS:
        print(f"{seen[what]:11,}  {what}")
    for each in failed:
        print(f"seed {each.seed}: {each.problem}")
    print(f"{runs:,} runs, {steps:,} steps, {committed:,} writes committed, {epochs:,} epochs")
    print(f"{len(failed)} failed")
    return 1 if failed else 0


def table(first: int, seeds: int, jobs: int) -> int:
    """Plant each bug, and print what finds it; return the exit status: 1 where one is not found."""
    missed = 0
    counts = [seeds if bug != IN_LOCK_STEP else 1 for bug in BUGS]
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(first_finding, BUGS, [first] * len(BUGS), counts)
        for bug, outcome in zip(BUGS, found, strict=True):
            by_run = found_by_run(bug)
            missed += outcome is None and not by_run
            seed = f"{outcome.seed:,}" if outcome else "not found"
            print(f"| {bug} | {seed} | {BUGS[bug].run if by_run else ''} |", flush=True)
            problem = outcome.problem if outcome else by_run
            print(f"    {problem[:150]}", flush=True)
    return 1 if missed else 0


def real_table(first: int, seeds: int, jobs: int) -> int:
    """Plant each bug in the product, and print which seed finds it; return the exit status as ``table``."""
    missed, count = 0, len(REAL_BUGS)
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(first_finding, REAL_BUGS, [first] * count, [seeds] * count, [True] * count)
        for bug, outcome in zip(REAL_BUGS, found, strict=True):
            missed += outcome is None
            print(f"| {bug} | {outcome.seed if outcome else 'not found'} |", flush=True)
            print(f"    {outcome.problem[:150] if outcome else ''}", flush=True)
    return 1 if missed else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.group_campaign")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--bug", help="plant this one (tests/group_bugs.py, tests/group_real_bugs.py)")
    parser.add_argument("--real", action="store_true", help="the product beside the model")
    parser.add_argument("--bugs", action="store_true", help="plant each bug, and say what finds it first")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.jobs < 1:
        parser.error("at least one seed and one job")
    bugs = REAL_BUGS if options.real else BUGS
    if options.bug is not None and options.bug not in bugs:
        parser.error(f"no such bug; there are: {', '.join(sorted(bugs))}")
    if options.bugs:
        return (real_table if options.real else table)(options.seed, options.seeds, options.jobs)
    return campaign(options.seed, options.seeds, options.bug, options.jobs, real=options.real)


if __name__ == "__main__":
    sys.exit(main())
