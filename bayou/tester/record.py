"""How each test went the last time that it ran: kept beside the answers, for ``--failed`` and ``--bless``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from bayou.tester.cases import ANSWERS, Case
from bayou.tester.command import Advice
from bayou.tester.compare import diff
from bayou.tester.config import SetupError
from bayou.tester.runner import DIFFERS, NO_SOLUTION, Outcome

FILE = ".last-run.json"


class LastRun:
    """The problem that each test had when it last ran to its end, None where it passed, and the digest of
    what it printed. A file that is no such record counts as empty: it is a convenience, and the next run
    writes it anew."""

    def __init__(self, directory: Path, advice: Advice) -> None:
        self._path = directory / ANSWERS / FILE
        self._advice = advice
        self._entries = self._read()

    def failed(self, name: str) -> bool:
        """Whether the test failed when it last ran."""
        return name in self._entries and self._entries[name][0] is not None

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """Remember how these tests went. What others have noted meanwhile is kept."""
        self._entries = {
            **self._read(),
            **{outcome.case.name: (outcome.problem, outcome.digest) for outcome in outcomes},
        }
        text = json.dumps(
            {
                name: {"problem": problem, "answer": digest}
                for name, (problem, digest) in sorted(self._entries.items())
            },
            indent=1,
        )
        written = self._path.with_name(f"{FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(exist_ok=True)
            written.write_text(f"{text}\n", encoding="utf-8")
            written.replace(self._path)
        except OSError:
            pass  # the next --failed then does not know of this run, and a blessing is refused

    def _read(self) -> dict[str, tuple[str | None, str]]:
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        entries = read.items() if isinstance(read, dict) else ()
        return {name: (entry["problem"], entry["answer"]) for name, entry in entries if _is_entry(entry)}

    def bless(self, case: Case) -> list[str]:
        """Make what the test printed when it last ran its solution; return the diff, empty where the solution
        says so already. SetupError where that would not be what the user has seen, or is not what comes of
        a run that went well."""
        name = case.name
        self._refuse_unless_fit(case)
        printed = case.answer.read_bytes()
        if sha256(printed).hexdigest() != self._entries[name][1]:
            raise SetupError(
                f"answers/{name}.ans is not what {name} ended with when it last ran to its end (was a run "
                f"interrupted?), so it is not blessed; run it to its end first: {self._advice.run(name)}"
            )
        expected = case.solution.read_bytes() if case.solution.exists() else b""
        if case.config.check == "snapshot" and expected:
            raise SetupError(
                f"solutions/{name}.sol holds patterns, which a blessing would overwrite: change it by hand"
            )
        shown = diff(expected, printed, (f"solutions/{name}.sol", f"answers/{name}.ans"))
        if shown or not case.solution.exists():
            case.solution.parent.mkdir(parents=True, exist_ok=True)
            case.solution.write_bytes(printed)
        return shown

    def _refuse_unless_fit(self, case: Case) -> None:
        name, again = case.name, self._advice.run(case.name)
        if case.config.faults:
            raise SetupError(
                f"{name} is not blessed: {case.config.faults[0]}; correct that, then run {again}"
            )
        if name not in self._entries or not case.answer.exists():
            raise SetupError(
                f"{name} has not been run to its end yet, so there is no answer to bless: {again}"
            )
        problem = self._entries[name][0]
        if problem not in (None, DIFFERS, NO_SOLUTION):
            raise SetupError(
                f"{name} is not blessed, as its last run failed: {problem}; only what a run that went well "
                f"has printed can be a solution: mend that, run {again}, then bless it"
            )
        if case.answer.stat().st_mtime < case.scenario.stat().st_mtime:
            raise SetupError(f"tests/{name}.test has changed since it was run; run it first: {again}")


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("answer"), str)
        and "problem" in entry
        and isinstance(entry["problem"], str | None)
    )
