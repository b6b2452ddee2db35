"""Mutation testing: are there changes of the code that no test notices?

    python -m tests.mutation --sample 400 --seed 1

makes mutants (tests/mutants.py) of bayou.core, bayou.node and bayou.check, takes a sample, and runs the tests
on each (tests/mutation_runs.py): first the fast ones, in a process forked from this one, which has imported
pytest but nothing of bayou, with an import hook that loads the mutant in place of the module; what survives
those then meets the whole suite, in a copy of the tree. The tree itself never changes. A survivor that
tests/mutation_known.py does not list with a reason makes the exit status 1. See docs/testing.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants import Mutant, mutants_of, sample
from tests.mutation_known import KNOWN
from tests.mutation_runs import FEW, ROOT, Copy, Forks, Verdict, source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOMS = ("core", "node", "check")


class Results:
    """What is known already, in a file of JSON lines, if there is one: a run that was ended goes on there."""

    def __init__(self, path: Path | None, *, retry: bool) -> None:
        self._path = path
        self._known: dict[str, Verdict] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                self._known[entry.pop("id")] = Verdict(**entry["verdict"])
        if retry:
            self._known = {id: verdict for id, verdict in self._known.items() if verdict.caught}

    def get(self, mutant: Mutant) -> Verdict | None:
        return self._known.get(self._id(mutant))

    def put(self, mutant: Mutant, verdict: Verdict) -> None:
        """Keep a verdict, the latest counts."""
        self._known[self._id(mutant)] = verdict
        if self._path is not None:
            entry = {"id": self._id(mutant), "key": mutant.key, "verdict": asdict(verdict)}
            with self._path.open("a") as file:
                file.write(json.dumps(entry) + "\n")

    def _id(self, mutant: Mutant) -> str:
        return f"{mutant.module} {hashlib.sha256(mutant.applied(source_of(mutant.module))).hexdigest()}"


def line(mutant: Mutant, verdict: Verdict) -> str:
    """Return what is told of a mutant."""
    fate = "caught" if verdict.caught else "SURVIVED" if mutant.key not in KNOWN else "known"
    by = f" by {verdict.test}" if verdict.caught else ""
    return f"{fate:8} {mutant.module}:{mutant.line} {mutant.key[2]}{by} ({verdict.seconds:.1f} s)"


class Session:
    """One run: tells as it goes, and sums up."""

    def __init__(self, chosen: Sequence[Mutant], results: Results) -> None:
        self._chosen = chosen
        self._results = results
        self._count = 0

    def note(self, mutant: Mutant | None, verdict: Verdict) -> None:
        """A mutant has met the fast tests, or the whole suite."""
        if mutant is None:
            return
        self._results.put(mutant, verdict)
        self._count += 1
        print(f"[{self._count}] {verdict.stage}: {line(mutant, verdict)}", flush=True)
        if not verdict.caught:
            print(mutant.diff(source_of(mutant.module)), flush=True)

    def todo(self, stage: str) -> list[Mutant]:
        """Return those that have yet to meet the tests of a stage."""
        found = []
        for mutant in self._chosen:
            verdict = self._results.get(mutant)
            if verdict is None or (stage == "whole" and not verdict.caught and verdict.stage == "fast"):
                found.append(mutant)
        return found

    def sum_up(self) -> int:
        """Print the totals; return how many survived that nobody has given a reason for."""
        caught: Counter[str] = Counter()
        known: Counter[str] = Counter()
        survived: Counter[str] = Counter()
        for mutant in self._chosen:
            verdict = self._results.get(mutant)
            if verdict is None:
                continue
            (caught if verdict.caught else known if mutant.key in KNOWN else survived)[mutant.module] += 1
            if not verdict.caught and mutant.key not in KNOWN:
                print(f"\n{line(mutant, verdict)}\n{mutant.diff(source_of(mutant.module))}")
        print(f"\n{'module':28} {'caught':>7} {'known':>6} {'survived':>9}")
        for module in sorted({mutant.module for mutant in self._chosen}):
            print(f"{module:28} {caught[module]:7} {known[module]:6} {survived[module]:9}")
        print(f"{'all':28} {caught.total():7} {known.total():6} {survived.total():9}", flush=True)
        return survived.total()


def fast(session: Session, chosen: Sequence[Mutant], jobs: int) -> None:
    """Run the fast tests, on the code as it is first, which has to pass and tells how long they take."""
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutation", deadline=None, suppress_health_check=list(HealthCheck), database=None,
        derandomize=True, phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    # Plugins would have pytest load all of bayou by itself, the mutants passed over.
    os.environ.update(FEW, HYPOTHESIS_PROFILE="mutation", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    import hypothesis.stateful  # noqa: F401  # what is imported here is not imported again for each mutant

    baseline: list[Verdict] = []
    Forks(1, 600.0, lambda _, verdict: baseline.append(verdict)).run([None])
    if baseline[0].caught:
        raise SystemExit(f"the code as it is does not pass: {baseline[0].test}")
    limit_s = 10.0 + 3 * baseline[0].seconds
    print(f"{len(chosen)} mutants; the fast tests take {baseline[0].seconds:.1f} s", flush=True)
    Forks(jobs, limit_s, session.note).run(chosen)


def whole(session: Session, chosen: Sequence[Mutant]) -> None:
    """Run the whole suite on what the fast tests let pass, and on the code as it is first."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Copy(Path(directory))
        baseline = copy.verdict(None)
        if baseline.caught:
            raise SystemExit(f"the code as it is does not pass: {baseline.test}")
        print(f"{len(chosen)} survivors; the whole suite takes {baseline.seconds:.0f} s", flush=True)
        for mutant in chosen:
            session.note(mutant, copy.verdict(mutant))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=400, help="how many mutants (default: 400)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument(
        "--module", action="append", default=[], help="only of modules with this in their path"
    )
    parser.add_argument("--results", type=Path, help="a file to go on from")
    parser.add_argument("--retry", action="store_true", help="what survived there has to survive again")
    parser.add_argument("--fast-only", action="store_true", help="leave out the whole suite")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    paths = [path for room in ROOMS for path in sorted((ROOT / "bayou" / room).glob("*.py"))]
    modules = [str(path.relative_to(ROOT)) for path in paths]
    wanted = [name for name in modules if not options.module or any(part in name for part in options.module)]
    chosen = sample(
        [each for name in wanted for each in mutants_of(name, source_of(name))], options.sample, options.seed
    )
    for mutant in chosen:
        compile(mutant.applied(source_of(mutant.module)), mutant.module, "exec")
    session = Session(chosen, Results(options.results, retry=options.retry))
    if session.todo("fast"):
        fast(session, session.todo("fast"), options.jobs)
    unexplained = [mutant for mutant in session.todo("whole") if mutant.key not in KNOWN]
    if unexplained and not options.fast_only:
        whole(session, unexplained)
    return 1 if session.sum_up() else 0


if __name__ == "__main__":
    sys.exit(main())
