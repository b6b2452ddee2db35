"""Many trials, on all cores."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import active_children, parent_process
from multiprocessing.connection import wait as wait_for_any
from threading import Thread

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.explore.shrink import shrink
from bayou.explore.trial import Trial
from bayou.families import FAMILIES, add
from bayou.families.planting import planted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor, Future
    from typing import Any

    from bayou.families import Family
    from bayou.worlds.simulated.setup import Setup

BATCH = 25
AHEAD_MAX = 64
LOOK_S = 0.2
"""How many batches are handed out ahead, and how often a campaign looks whether it is to stop."""

FEW_LINES = 15
OTHERS_TRIED = 5
"""How many other seeds are tried where what still fails is longer than FEW_LINES."""


class Plan(Record):
    """Which seeds of which family of scenarios to run, whose room is ``package`` (of the first one where
    that is empty), and how. ``bug`` names a bug to plant on purpose (bayou.families.planting)."""

    first: int = 0
    seeds: int = 1000
    length: int = 90
    check: bool = False
    bug: str | None = None
    package: str = ""

    def get_ready(self) -> Family:
        """See that the family is known in this process, which may be a fresh one; return it."""
        return add(self.package) if self.package else next(iter(FAMILIES.values()))

    @property
    def exploring(self) -> Any:
        """What the family brings for this: see docs/families.md."""
        return self.get_ready().part("exploring")

    def setup(self, seed: int) -> Setup:
        """Return the conditions under which the run with this seed takes place."""
        made: Setup = self.exploring.setup_for(seed, self.bug)
        return made

    def trial(self, seed: int) -> Trial:
        """Return the trial of a seed, not yet run."""
        return Trial(self.exploring.scenario(seed, self.length), self.setup(seed), check=self.check)


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
    plan.get_ready()
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
    """Runs the seeds of a plan, a batch after another, until all are done or ``stop`` was called."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.is_stopped = False

    def stop(self) -> None:
        """Begin no further batch; for a signal handler. What has come of those that are done is returned."""
        self.is_stopped = True

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
        with ProcessPoolExecutor(jobs or os.cpu_count(), initializer=_be_worker) as pool:
            return self._gather(pool, found, progress)

    def _gather(
        self, executor: Executor, found: Callable[[Finding], None], progress: Callable[[int], None]
    ) -> Batch:
        so_far = Batch(0, (), Counter(), 0)
        for batch in self._results(executor):
            so_far += batch
            for finding in batch.findings:
                found(finding)
            progress(so_far.runs)
            if batch.findings and self.plan.bug is not None:
                break
        findings = sorted(so_far.findings, key=lambda finding: finding.seed)
        return Batch(so_far.runs, tuple(findings), so_far.sightings, so_far.messages)

    def _results(self, executor: Executor) -> Iterator[Batch]:
        """Give out batches as they are done; with a planted bug in the order of their seeds, as the first
        seed that finds it is asked for. A few are handed to the executor ahead."""
        batches = self._batches()
        waiting: list[Future[Batch]] = []
        try:
            while not self.is_stopped:
                for first, count in islice(batches, AHEAD_MAX - len(waiting)):
                    waiting.append(executor.submit(run_batch, self.plan, first, count))
                if not waiting:
                    return
                awaited = waiting[:1] if self.plan.bug is not None else waiting
                done = wait(awaited, LOOK_S, FIRST_COMPLETED).done
                ready = [future for future in awaited if future in done]
                waiting = [future for future in waiting if future not in done]
                for future in ready:
                    yield future.result()
        except BrokenProcessPool as error:
            waiting.clear()  # the executor sees to them
            for worker in active_children():
                worker.kill()  # they heed nothing less
            raise BayouError("a process of this campaign was killed") from error
        finally:
            for future in waiting:
                future.cancel()

    def _batches(self) -> Iterator[tuple[int, int]]:
        end = self.plan.first + self.plan.seeds
        for first in range(self.plan.first, end, BATCH):
            yield first, min(BATCH, end - first)


def _be_worker() -> None:
    """Called in each process of a campaign. Signals may go to all of them; what they mean is for the
    parent to decide. When that is gone, however that came about, there is nothing left to be done."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait_for_any([sentinel])
    os._exit(1)


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
    setup = plan.setup(finding.seed)

    def still_fails(lines: list[str]) -> bool:
        return Trial(lines, setup, check=plan.check).run().problem == finding.problem

    with planted(plan.bug):
        lines = shrink(finding.lines, still_fails)
        trial = Trial(lines, setup, check=plan.check).run()
    return _finding(finding.seed, trial)


def unseen(batch: Batch, plan: Plan) -> list[str]:
    """Return what a campaign should have seen and has not."""
    return [sight for sight in plan.exploring.SIGHTINGS if not batch.sightings[sight]]
