"""A campaign that tries to break the log of many decrees.

    python -m tests.log_campaign --seeds 1000 --seed 0 -j 2 [--bug NAME] [--verbose]

runs random histories of servers that are lossy, late, cut off, crashed and replaced (tests/log_world.py,
tests/log_faults.py), and judges each from its events alone (bayou/check/consensus.py), beside the invariants
of the servers themselves and a slow twin of the service. Exit status 1 where something was found.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from bayou.check.consensus import judge
from bayou.core.errors import BayouError
from bayou.families.log.bugs import BUGS, OUT_OF_REACH
from bayou.families.planting import Patch
from tests.log_faults import Faults
from tests.log_knobs import draw
from tests.log_sightings import SIGHTINGS, Sightings
from tests.log_world import World, merge

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

BATCH = 20


class Outcome(NamedTuple):
    """What came of one seed: what is broken, nothing where all is well; what happened."""

    seed: int
    problem: str
    steps: int
    messages: int
    sightings: Counter[str]
    events: list[dict[str, Any]]


def run_seed(seed: int) -> Outcome:
    """Run one history, and judge it."""
    sightings = Sightings()
    world = World(draw(seed), sightings)
    problem = ""
    try:
        problem = _run(world)
    except BayouError as error:
        problem = f"invariant: {error}"
    except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
        problem = f"{type(error).__name__}: {error}"
    broken = [
        f"{rule}: event {at}: {why}"
        for rule, verdict in judge(world.events).items()
        for at, why in verdict.broken[:1]
    ]
    problem = "; ".join([*broken, *([problem] if problem else [])])
    return Outcome(seed, problem, world.steps, sightings.messages, sightings.counts, world.events)


def _run(world: World) -> str:
    faults = Faults(world)
    faults.begin()
    world.run_until(world.knobs.lasts_s)
    faults.calm()
    if not world.run_until(world.now + faults.calm_s, lambda: not faults.missing()):
        return f"liveness: after {faults.calm_s} s without faults {faults.missing()}"
    world.judge_services()
    faults.tell_all()
    world.events.append({"event": "cleared", "majority": True})
    return ""


def plant(name: str | None) -> Patch:
    """Plant a bug by its name, None for none; the patch that returns can undo it."""
    patch = Patch()
    if name is not None:
        {**BUGS, **OUT_OF_REACH}[name](patch)
    return patch


def run_batch(first: int, count: int, bug: str | None) -> list[Outcome]:
    """Run some seeds; with a bug, up to the first that fails."""
    outcomes: list[Outcome] = []
    patch = plant(bug)
    try:
        for seed in range(first, first + count):
            outcome = run_seed(seed)
            outcomes.append(outcome._replace(events=outcome.events if outcome.problem else []))
            if bug is not None and outcome.problem:
                break
    finally:
        patch.undo()
    return outcomes


def first_finding(bug: str, seeds: Iterable[int]) -> Outcome | None:
    """Return what comes of the first of these seeds that finds a planted bug; None where none does."""
    for seed in seeds:
        for outcome in run_batch(seed, 1, bug):
            if outcome.problem:
                return outcome
    return None


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.log_campaign")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--bug", choices=sorted(BUGS))
    parser.add_argument(
        "--bugs", action="store_true", help="plant each bug, and say which seed finds it first"
    )
    parser.add_argument("--verbose", action="store_true", help="write the events of what is found")
    options = parser.parse_args(arguments)
    if options.bugs:
        return _table(options.seed, options.seeds, options.jobs)
    firsts = range(options.seed, options.seed + options.seeds, BATCH)
    counts = [min(BATCH, options.seed + options.seeds - first) for first in firsts]
    outcomes: list[Outcome] = []
    if options.jobs == 1:
        for first, count in zip(firsts, counts, strict=True):
            outcomes += _tell(run_batch(first, count, options.bug), verbose=options.verbose)
            if options.bug and outcomes[-1].problem:
                break
    else:
        with ProcessPoolExecutor(options.jobs) as pool:
            for batch in pool.map(run_batch, firsts, counts, [options.bug] * len(counts)):
                outcomes += _tell(batch, verbose=options.verbose)
    failed = sum(bool(outcome.problem) for outcome in outcomes)
    seen = merge([outcome.sightings for outcome in outcomes])
    for what in SIGHTINGS:
        print(f"{seen[what]:9,}  {what}")
    steps, messages = (sum(each) for each in zip(*((o.steps, o.messages) for o in outcomes), strict=True))
    print(f"{len(outcomes):,} runs, {steps:,} steps, {messages:,} messages, {failed} failed")
    return 1 if failed else 0


def _tell(outcomes: list[Outcome], *, verbose: bool) -> list[Outcome]:
    for outcome in outcomes:
        if outcome.problem:
            print(f"seed {outcome.seed}: {outcome.problem[:2000]}", flush=True)
            if verbose:
                for at, event in enumerate(outcome.events, start=1):
                    print(at, json.dumps(event))
    return [outcome._replace(events=[]) for outcome in outcomes]


def _table(first: int, seeds: int, jobs: int) -> int:
    missed = 0
    with ProcessPoolExecutor(jobs) as pool:
        tries = [range(first, first + seeds)] * len(BUGS)
        for name, found in zip(BUGS, pool.map(first_finding, BUGS, tries), strict=True):
            missed += found is None
            rules = dict.fromkeys(each.split(":")[0] for each in found.problem.split("; ")) if found else {}
            print(f"| {name} | {found.seed if found else 'not found'} | {', '.join(rules)} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
