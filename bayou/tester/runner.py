"""Runs tests: the command on the scenario, with a time limit, and the verdict on what it printed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field

from bayou.tester.cases import Case
from bayou.tester.compare import diff, snapshot

ERROR_LINES_MAX = 20
DIFFERS = "differs"
NO_SOLUTION = "no solution"


class Stopped(Exception):
    """The run was given up before this test began."""


@dataclass(frozen=True)
class Outcome:
    """How a test went: what is wrong (nothing where it passed), and details to be read, line by line."""

    case: Case
    seconds: float
    problem: str | None = None
    details: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the test passed."""
        return self.problem is None


class Runner:
    """Runs tests with a command, in any number of threads; ``stop`` ends those that are under way."""

    def __init__(self, command: str, timeout_s: float) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._stopped = False

    def run(self, case: Case) -> Outcome:
        """Feed the scenario to the command and judge what it printed, which is kept in the answer's file.

        A file that can't be read or written fails the test. Raises Stopped after ``stop``.
        """
        began = time.monotonic()
        try:
            return self._run(case, began)
        except OSError as error:
            return Outcome(case, time.monotonic() - began, f"{error.filename}: {error.strerror}")

    def _run(self, case: Case, began: float) -> Outcome:
        case.answer.parent.mkdir(exist_ok=True)
        with (
            open(case.scenario, "rb") as scenario,
            open(case.answer, "wb") as answer,
            tempfile.TemporaryFile() as errors,
        ):
            with self._lock:
                if self._stopped:
                    raise Stopped
                process = subprocess.Popen(
                    ["sh", "-c", case.command(self._command)],
                    stdin=scenario,
                    stdout=answer,
                    stderr=errors,
                    start_new_session=True,
                )
                self._running[process.pid] = process
            try:
                status = _wait(process, self._timeout_s)
            finally:
                with self._lock:
                    del self._running[process.pid]
            seconds = time.monotonic() - began
            errors.seek(0)
            said = _last_lines(errors.read())
        problem, details = _judge(case, status, self._timeout_s)
        if problem is not None and said:
            details = [*details, "on standard error:", *said]
        return Outcome(case, seconds, problem, details)

    def stop(self) -> None:
        """Kill what is running, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running.values():
                _kill_group(process)


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Return the exit status, None where time ran out; leave nothing running in either case.

    (``Popen.wait`` with a time limit looks at the process only every now and then.)
    """
    hung = threading.Event()

    def give_up() -> None:
        hung.set()
        _kill_group(process)

    timer = threading.Timer(timeout_s, give_up)
    timer.start()
    try:
        status = process.wait()
    finally:
        timer.cancel()
        _kill_group(process)
        process.wait()
    return None if hung.is_set() else status


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # nobody is left


def _judge(case: Case, status: int | None, timeout_s: float) -> tuple[str | None, list[str]]:
    by_hand = case.command('sh -c "$(cat COMMAND)"' if not case.config.args else "$(cat COMMAND)")
    by_hand = f"{by_hand} < tests/{case.scenario.name}"
    if status is None:
        return f"hung: killed after {timeout_s:g} s", [
            f"what it printed until then is in answers/{case.answer.name}; to watch it: {by_hand}",
            "if it only needs longer: --timeout SECONDS",
        ]
    try:
        solution = case.solution.read_bytes()
    except FileNotFoundError:
        return NO_SOLUTION, [
            f"there is no solutions/{case.name}.sol to compare with; it printed answers/{case.answer.name}",
            f"if that is right: tester.py --bless {case.name}",
        ]
    compare = snapshot if case.config.check == "snapshot" else diff
    details = compare(
        solution, case.answer.read_bytes(), (f"solutions/{case.solution.name}", f"answers/{case.answer.name}")
    )
    if status != 0:
        ended = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"the command ended with {ended}", [*details, f"to see it happen: {by_hand}"]
    return (DIFFERS, details) if details else (None, [])


def _last_lines(data: bytes) -> list[str]:
    lines = data.decode("utf-8", "backslashreplace").splitlines()
    if len(lines) > ERROR_LINES_MAX:
        return [f"... {len(lines) - ERROR_LINES_MAX} lines before", *lines[-ERROR_LINES_MAX:]]
    return lines
