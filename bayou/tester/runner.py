"""Runs tests: the command on the scenario, with a time limit, and the verdict on what it printed."""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO

from bayou.tester.cases import Case
from bayou.tester.command import Advice, Command
from bayou.tester.compare import diff, snapshot
from bayou.tester.config import KEYS
from bayou.tester.processes import Processes

ERROR_LINES_MAX = 20
ERROR_LINES_OF_A_PASS = 3
_LINE_BYTES_MAX = 4096
DIFFERS = "differs"
NO_SOLUTION = "no solution"


@dataclass(frozen=True)
class Outcome:
    """How a test went: what is wrong (nothing where it passed), and details to be read, line by line.

    ``digest`` is that of the answer, empty where the test never ended by itself.
    """

    case: Case
    seconds: float
    problem: str | None = None
    details: list[str] = field(default_factory=list)
    digest: str = ""

    @property
    def passed(self) -> bool:
        """Whether the test passed."""
        return self.problem is None


class Runner:
    """Runs tests with a command, in any number of threads."""

    def __init__(
        self, command: Command, timeout_s: float, advice: Advice, processes: Processes | None = None
    ) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._advice = advice
        self.processes = processes or Processes()

    def run(self, case: Case) -> Outcome:
        """Feed the scenario to the command and judge what it printed, which is kept in the answer's file.

        A file that can't be read or written fails the test, and so does a configuration that is off. Raises
        Stopped where the run was given up meanwhile.
        """
        if case.config.faults:
            first, *others = case.config.faults
            remedy = f"correct it or take it out: a line is key = value, the keys are {', '.join(KEYS)}"
            return Outcome(case, 0.0, first, [*others, remedy])
        began = time.monotonic()
        try:
            return self._run(case, began)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            return Outcome(case, time.monotonic() - began, f"{place}{error.strerror or error}")

    def _run(self, case: Case, began: float) -> Outcome:
        case.answer.parent.mkdir(parents=True, exist_ok=True)
        with (
            open(case.scenario, "rb") as scenario,
            open(case.answer, "wb") as answer,
            tempfile.TemporaryFile() as errors,
        ):
            status = self.processes.run(
                self._command.for_case(case).shell,
                self._command.directory,
                (scenario, answer, errors),
                self._timeout_s,
            )
            seconds = time.monotonic() - began
            said = _Said(errors)
        if status is None:
            return Outcome(case, seconds, f"hung: killed after {self._timeout_s:g} s", self._hung(case, said))
        printed = case.answer.read_bytes()
        problem, details = self._judge(case, status, printed)
        details += said.briefly() if problem is None else said.at_length()
        return Outcome(case, seconds, problem, details, sha256(printed).hexdigest())

    def _hung(self, case: Case, said: _Said) -> list[str]:
        watch = self._advice.watch(self._command, case)
        return [
            f"what it printed until then is in answers/{case.name}.ans; to watch it: {watch}",
            f"if it only needs longer: {self._advice.timeout} SECONDS",
            *said.at_length(),
        ]

    def _judge(self, case: Case, status: int, printed: bytes) -> tuple[str | None, list[str]]:
        solution = case.solution.read_bytes() if case.solution.exists() else None
        names = (f"solutions/{case.name}.sol", f"answers/{case.name}.ans")
        compare = snapshot if case.config.check == "snapshot" else diff
        details = [] if solution is None else compare(solution, printed, names)
        if status != 0:
            ended = f"signal {-status}" if status < 0 else f"exit status {status}"
            missing = [f"there is no {names[0]} either"] if solution is None else []
            watch = f"to see it happen: {self._advice.watch(self._command, case)}"
            return f"the command ended with {ended}", [*details, *missing, watch]
        if solution is None:
            return NO_SOLUTION, [
                f"there is no {names[0]} to compare with; it printed {names[1]}",
                f"if that is right: {self._advice.bless(case.name)}",
            ]
        return (DIFFERS, details) if details else (None, [])


class _Said:
    """What a command said on standard error: how many lines, the first and the last ones."""

    def __init__(self, file: IO[bytes]) -> None:
        self.count = 0
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=ERROR_LINES_MAX)
        end = file.seek(0, os.SEEK_END)  # whoever still writes there is not waited for
        file.seek(0)
        while file.tell() < end:
            line = rest = file.readline(_LINE_BYTES_MAX)
            while not rest.endswith(b"\n") and file.tell() < end:
                rest = file.readline(_LINE_BYTES_MAX)  # of a line too long to be shown
            self.count += 1
            shown = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
            if self.count <= ERROR_LINES_OF_A_PASS:
                self._first.append(shown)
            self._last.append(shown)

    def briefly(self) -> list[str]:
        """Return how much it was, and how it began."""
        if not self.count:
            return []
        more = self.count - len(self._first)
        return [
            f"{self.count} line{'s' * (self.count != 1)} on standard error:",
            *self._first,
            *([f"... and {more} more"] if more else []),
        ]

    def at_length(self) -> list[str]:
        """Return the last lines."""
        if not self.count:
            return []
        more = self.count - len(self._last)
        return ["on standard error:", *([f"... {more} lines before"] if more else []), *self._last]
