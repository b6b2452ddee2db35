"""Many trials, on all cores."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

from bayou._record import Record
from bayou.explore.bugs import planted
from bayou.explore.generate import Shape, scenario
from bayou.explore.knobs import setup_for
from bayou.explore.shrink import shrink
from bayou.explore.sightings import SIGHTINGS
from bayou.explore.trial import Trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future

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

    def trial(self, seed: int) -> Trial:
        """Return the trial of a seed, not yet run."""
        return Trial(scenario(seed, Shape(self.length)), setup_for(seed, self.bug), check=self.check)


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

    def __add__(self, other: Batch) -> Batch:
        return Batch(
            self.runs + other.runs,
            self.findings + other.findings,
            self.sightings + other.sightings,
            self.messages + other.messages,
        )


def run_batch(plan: Plan, first: int, count: int) -> Batch:
    """Run some seeds in this process; with a bug planted on purpose it stops at the first that fails."""
    sightings: Counter[str] = Counter()
    messages, runs = 0, 0
    findings: list[Finding] = []
    with planted(plan.bug):
        for seed in range(first, first + count):
            trial = plan.trial(seed).run()
            runs += 1
            sightings += trial.sightings
            messages += trial.messages
            if trial.problem is not None:
                findings.append(_finding(seed, trial))
                if plan.bug is not None:
                    break
    return Batch(runs, tuple(findings), sightings, messages)


def _finding(seed: int, trial: Trial) -> Finding:
    lines = tuple((line or b"").decode("utf-8", "surrogateescape") for line in trial.lines)
    return Finding(seed, trial.problem or "", tuple(trial.details), lines)


class Campaign:
    """Runs the seeds of a plan, a batch after another. ``so_far`` is what has come of those that are
    done, also where the campaign is interrupted."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.so_far = Batch(0, (), Counter(), 0)

    def run(
        self,
        *,
        jobs: int | None = None,
        executor: Executor | None = None,
        found: Callable[[Finding], None] = lambda finding: None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Batch:
        """Run all seeds and return what came of them, the findings by seed.

        Runs on ``executor`` (a Dask client's, for instance), or on ``jobs`` processes of this machine.
        ``found`` is told each finding as it comes, ``progress`` how many seeds are done.
        """
        if executor is not None:
            return self._gather(executor, found, progress)
        with ProcessPoolExecutor(jobs or os.cpu_count(), initializer=_leave_interrupts) as pool:
            return self._gather(pool, found, progress)

    def _gather(
        self, executor: Executor, found: Callable[[Finding], None], progress: Callable[[int], None]
    ) -> Batch:
        futures = [executor.submit(run_batch, self.plan, first, count) for first, count in self._batches()]
        try:
            for future in self._in_order(futures):
                batch: Batch = future.result()
                self.so_far += batch
                for finding in batch.findings:
                    found(finding)
                progress(self.so_far.runs)
                if batch.findings and self.plan.bug is not None:
                    break
        finally:
            for future in futures:
                future.cancel()
        findings = sorted(self.so_far.findings, key=lambda finding: finding.seed)
        return Batch(self.so_far.runs, tuple(findings), self.so_far.sightings, self.so_far.messages)

    def _in_order(self, futures: list[Future[Batch]]) -> Iterator[Future[Batch]]:
        """With a planted bug the first seed that finds it is asked for, otherwise whatever is done first."""
        return iter(futures) if self.plan.bug is not None else as_completed(futures)

    def _batches(self) -> Iterator[tuple[int, int]]:
        end = self.plan.first + self.plan.seeds
        for first in range(self.plan.first, end, BATCH):
            yield first, min(BATCH, end - first)


def _leave_interrupts() -> None:
    """Ctrl-C goes to every process of the terminal; what it means is for the parent to decide, which ends the
    others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def explore(plan: Plan, *, jobs: int | None = None, executor: Executor | None = None) -> Batch:
    """Run a campaign and return what came of it, the findings by seed."""
    return Campaign(plan).run(jobs=jobs, executor=executor)


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
    setup = setup_for(finding.seed, plan.bug)

    def still_fails(lines: list[str]) -> bool:
        return Trial(lines, setup, check=plan.check).run().problem == finding.problem

    with planted(plan.bug):
        lines = shrink(finding.lines, still_fails)
        trial = Trial(lines, setup, check=plan.check).run()
    return _finding(finding.seed, trial)


def unseen(batch: Batch) -> list[str]:
    """Return what a campaign should have seen and has not."""
    return [sight for sight in SIGHTINGS if not batch.sightings[sight]]
