"""What the tester tells: a line and a diff for each test, scores, progress, JUnit's XML."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from bayou._quoting import printable
from bayou.tester.cases import Case
from bayou.tester.runner import Outcome

PROGRESS_CHARACTERS = 76


class Reporter:
    """Prints outcomes as they come; shows on standard error, if that is a terminal, how far the run is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shows_progress = sys.stderr is not None and sys.stderr.isatty()

    def begins(self, running: Sequence[Case]) -> None:
        """Show what is running now."""
        if self._shows_progress and running:
            names = ", ".join(case.name for case in running)
            line = printable(f"{self._done + 1} of {self._total}: {names}", PROGRESS_CHARACTERS)
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    def ended(self, outcome: Outcome) -> None:
        """Print how a test went."""
        self._done += 1
        self.clear()
        verdict = "pass" if outcome.passed else "FAIL"
        problem = f": {outcome.problem}" if outcome.problem else ""
        lines = [f"{verdict}  {outcome.seconds:6.2f} s  {outcome.case.name}{problem}"]
        lines += [f"    {line}" for line in outcome.details]
        print("\n".join(printable(line) for line in lines), flush=True)

    def clear(self) -> None:
        """Take the progress line away."""
        if self._shows_progress:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def describe_scores(outcomes: Sequence[Outcome], seconds: float) -> list[str]:
    """Return the score of each group, if there are groups, and overall, a line each."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case.config.group, []).append(outcome)
    lines = []
    if any(groups):
        width = max(len(_title(group)) for group in groups)
        for group in sorted(groups, key=lambda group: (not group, group)):
            lines.append(f"{_title(group):{width}}  {_score(groups[group])}")
    lines.append(f"{_score(outcomes)}, in {seconds:.1f} s")
    return lines


def describe_interruption(total: int, ended: int, cut_off: int) -> str:
    """Return the line that says what an interrupted run has left undone."""
    under_way = f" ({cut_off} of them cut off)" if cut_off else ""
    return f"interrupted: {total - ended} of {total} tests were not run{under_way}"


def _title(group: str) -> str:
    return group or "(no group)"


def _score(outcomes: Sequence[Outcome]) -> str:
    got = sum(outcome.case.config.weight for outcome in outcomes if outcome.passed)
    possible = sum(outcome.case.config.weight for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    return f"{passed} of {len(outcomes)} passed, score {got:g} of {possible:g}"


def write_junit(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes in the XML that continuous integrations read; OSError where it can't be written."""
    failures = sum(not outcome.passed for outcome in outcomes)
    total_s = sum(outcome.seconds for outcome in outcomes)
    suite = ElementTree.Element(
        "testsuite",
        {"name": "bayou", "tests": str(len(outcomes)), "failures": str(failures), "time": f"{total_s:.3f}"},
    )
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {
                "classname": outcome.case.config.group or "scenarios",
                "name": printable(outcome.case.name),
                "file": printable(str(outcome.case.scenario)),
                "time": f"{outcome.seconds:.3f}",
            },
        )
        if outcome.problem is not None:
            failure = ElementTree.SubElement(case, "failure", {"message": printable(outcome.problem)})
            failure.text = "\n".join(map(printable, outcome.details))
        elif outcome.details:
            ElementTree.SubElement(case, "system-err").text = "\n".join(map(printable, outcome.details))
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
