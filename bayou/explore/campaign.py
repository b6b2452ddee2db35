"""Many trials, on all cores."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from bayou._record import Record
from bayou.explore.bugs import planted
from bayou.explore.generate import Shape, scenario
from bayou.explore.shrink import shrink
from bayou.explore.sightings import SIGHTINGS
from bayou.explore.trial import Conditions, Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

BATCH = 25
FEW_LINES = 15
OTHERS_TRIED = 5
"""How many other seeds are tried where what still fails is longer than FEW_LINES."""


class Plan(Record):
    """Which seeds to run, and how. ``bug`` names a bug to plant on purpose (bayou.explore.bugs)."""

    first: int = 0
    seeds: int = 1000
    length: int = 90
    check: bool = False
    bug: str | None = None


class Finding(Record):
    """A run that failed: its seed, what was broken, how, and its lines, shrunk if there was time."""

    seed: int
    problem: str
    details: tuple[str, ...]
    lines: tuple[str, ...]


class Batch(Record):
    """What came of some seeds: how many were run, what failed, what was seen, how many messages passed."""

    runs: int
    findings: tuple[Finding, ...]
    sightings: Counter[str]
    messages: int


def run_batch(plan: Plan, first: int, count: int) -> Batch:
    """Run some seeds in this process; stops at the first that fails."""
    sightings: Counter[str] = Counter()
    messages, findings = 0, []
    runs = 0
    with planted(plan.bug):
        for seed in range(first, first + count):
            trial = Trial(scenario(seed, Shape(plan.length)), Conditions(seed, plan.check)).run()
            runs += 1
            sightings += trial.sightings
            messages += trial.messages
            if trial.problem is not None:
                findings.append(Finding(seed, trial.problem, tuple(trial.details), tuple(trial.lines)))
                break
    return Batch(runs, tuple(findings), sightings, messages)


def explore(
    plan: Plan,
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Batch:
    """Run a campaign and return what came of it, the findings by seed.

    Runs on ``executor`` (a Dask client's, for instance), or on ``jobs`` processes of this machine.
    """
    if executor is not None:
        return _gather(plan, executor, progress)
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        return _gather(plan, pool, progress)


def _gather(plan: Plan, executor: Executor, progress: Callable[[int], None]) -> Batch:
    futures = [executor.submit(run_batch, plan, first, count) for first, count in _batches(plan)]
    runs = messages = 0
    findings: list[Finding] = []
    sightings: Counter[str] = Counter()
    for future in futures:
        batch = future.result()
        runs += batch.runs
        messages += batch.messages
        sightings += batch.sightings
        findings += batch.findings
        progress(runs)
        if findings and plan.bug is not None:
            for other in futures:
                other.cancel()
            break
    return Batch(runs, tuple(findings), sightings, messages)


def _batches(plan: Plan) -> Iterator[tuple[int, int]]:
    end = plan.first + plan.seeds
    for first in range(plan.first, end, BATCH):
        yield first, min(BATCH, end - first)


def cut_down(finding: Finding, plan: Plan) -> Finding:
    """Return the finding with its scenario shrunk to few lines that still break the same promise.

    Where that leaves many, later seeds that fail are tried too, and the shortest is returned.
    """
    best = _shrunk(finding, plan)
    tries = 0
    first, end = finding.seed + 1, plan.first + plan.seeds
    while len(best.lines) > FEW_LINES and tries < OTHERS_TRIED and first < end:
        others = run_batch(plan, first, min(BATCH, end - first)).findings
        first = others[0].seed + 1 if others else first + BATCH
        if others:
            tries += 1
            best = min(best, _shrunk(others[0], plan), key=lambda found: len(found.lines))
    return best


def _shrunk(finding: Finding, plan: Plan) -> Finding:
    def still_fails(lines: Sequence[str]) -> bool:
        return Trial(lines, Conditions(finding.seed, plan.check)).run().problem == finding.problem

    with planted(plan.bug):
        lines = shrink(finding.lines, still_fails)
        trial = Trial(lines, Conditions(finding.seed, plan.check)).run()
    return Finding(finding.seed, finding.problem, tuple(trial.details), tuple(lines))


def unseen(batch: Batch) -> list[str]:
    """Return what a campaign should have seen and has not."""
    return [sight for sight in SIGHTINGS if not batch.sightings[sight]]
