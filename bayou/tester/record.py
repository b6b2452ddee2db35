"""How each test went the last time that it ran: kept beside the answers, for ``--failed`` and ``--bless``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from bayou.tester.cases import Case
from bayou.tester.compare import diff
from bayou.tester.config import SetupError
from bayou.tester.runner import DIFFERS, NO_SOLUTION, Outcome

FILE = ".last-run.json"


class LastRun:
    """The problem that each test had when it last ran, None where it passed. A file that is no such record
    counts as empty: it is a convenience, and the next run writes it anew."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "answers" / FILE
        self._problems: dict[str, str | None] = {}
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if isinstance(read, dict):
            self._problems = {
                name: problem for name, problem in read.items() if problem is None or isinstance(problem, str)
            }

    def failed(self, name: str) -> bool:
        """Whether the test failed when it last ran."""
        return self._problems.get(name) is not None

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Remember how these tests went."""
        self._problems.update({outcome.case.name: outcome.problem for outcome in outcomes})
        try:
            self._path.parent.mkdir(exist_ok=True)
            text = json.dumps(dict(sorted(self._problems.items())), indent=1)
            self._path.write_text(f"{text}\n", encoding="utf-8")
        except OSError:
            pass  # the next --failed then does not know of this run

    def bless(self, case: Case) -> list[str]:
        """Make what the test printed when it last ran its solution; return the diff, empty where the solution
        says so already. SetupError where that would not be what the user has seen."""
        name = case.name
        if name not in self._problems or not case.answer.exists():
            raise SetupError(f"{name} has not been run yet, so there is no answer to bless: tester.py {name}")
        if self._problems[name] not in (None, DIFFERS, NO_SOLUTION):
            raise SetupError(f"{name} has no answer worth a blessing: {self._problems[name]}")
        if case.answer.stat().st_mtime < case.scenario.stat().st_mtime:
            raise SetupError(f"tests/{name}.test has changed since it was run: tester.py {name}")
        printed = case.answer.read_bytes()
        expected = case.solution.read_bytes() if case.solution.exists() else b""
        if case.config.check == "snapshot" and expected:
            raise SetupError(
                f"solutions/{name}.sol holds patterns, which a blessing would overwrite: change it by hand"
            )
        shown = diff(expected, printed, (f"solutions/{case.solution.name}", f"answers/{case.answer.name}"))
        if shown or not case.solution.exists():
            case.solution.parent.mkdir(exist_ok=True)
            case.solution.write_bytes(printed)
        return shown
