"""How a mutant meets the tests: the fast ones in a fork of this process, the whole suite in a copy of the
tree. See tests/mutation.py."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.util import spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from tests.mutants import Mutant

ROOT = Path(__file__).parent.parent


@cache
def source_of(module: str) -> bytes:
    """Return a module as it was when it was first asked for, whatever is edited while this runs."""
    return (ROOT / module).read_bytes()


FAST = (
    "tests/test_holes_core.py",
    "tests/test_holes_nodes.py",
    "tests/test_holes_gossip.py",
    "tests/test_holes_more.py",
    "tests/test_lasting_harm.py",
    "tests/test_echoes.py",
    "tests/test_nodes.py",
    "tests/test_nodes_late.py",
    "tests/test_core_vectors.py",
    "tests/test_core_names.py",
    "tests/test_core_log.py",
    "tests/test_rows.py",
    "tests/test_values.py",
    "tests/test_rows_worlds.py",
    "tests/behaviour",
    "tests/test_faults.py",
    "tests/test_free_running.py",
    "tests/test_golden.py",
    "tests/test_nodes_stateful.py",
    "tests/test_explore.py",
    "tests/test_core_replica.py",
)
"""Where most changes are noticed soonest, the cheapest first.

What is named after a module goes before all."""
JUDGES: dict[tuple[str, ...], tuple[str, ...]] = {
    (
        "answers",
        "bases",
        "calls",
        "changes",
        "commitgroup",
        "facts",
        "history",
        "logs",
        "plain",
        "state",
        "store",
        "verdict",
        "views",
        "votes",
    ): (
        "tests/test_check_group.py",
        "tests/test_check_changes.py",
        "tests/test_check_bases.py",
        "tests/test_check_holes.py",
        "tests/test_check_rules.py",
        "tests/test_check_rows.py",
        "tests/test_check.py",
        "tests/test_check_replay.py",
        "tests/test_explore.py",
    ),
    ("ballots", "consensus", "decrees", "deliveries"): (
        "tests/test_log_judge.py",
        "tests/test_holes_judges.py",
        "tests/test_judging_log.py",
        "tests/test_check_locks.py",
    ),
    ("linear", "minimal", "model", "models", "operations"): (
        "tests/test_check_linear.py",
        "tests/test_holes_judges.py",
        "tests/test_check_anybody.py",
        "tests/test_check_locks.py",
    ),
    ("lockhistory", "lockmodel", "locks", "moments"): (
        "tests/test_check_locks.py",
        "tests/test_holes_judges.py",
        "tests/test_judging_log.py",
    ),
}
"""For modules of bayou.check, all that looks at them; nothing else uses them."""
LEFT_OUT = (
    "tests/behaviour/test_part8.py",
    "tests/test_explore.py::test_the_command_reports_and_exits",
    "tests/test_nodes_late.py::test_rounds_grow_more_patient",
)
"""Slow for what they notice."""
FAST_OPTIONS = (
    *("-o", "addopts=", "-q", "-x", "--tb=short", "-p", "no:cacheprovider"),
    *("-m", "not processes and not slow and not campaign"),
    *(f"--deselect={test}" for test in LEFT_OUT),
)
"""What the fast tests are run with; what the project adds asks for plugins that are not there."""
FEW = {"BAYOU_TEST_SCENARIOS": "60", "BAYOU_TEST_WALKS": "12", "BAYOU_TEST_SEEDS": "40"}
MEMORY_MAX = 1 << 30
WHOLE_LIMIT_S = 1800.0
PROCESSES_RUNS = 3
NOT_LOADED = "no test has imported the module"


@dataclass
class Verdict:
    """What became of a mutant: whether it was ``caught``, and by which ``test`` (or what else ended it)."""

    caught: bool
    test: str
    seconds: float
    stage: str = "fast"


# The fast tests, in a fork.


class _Loader(SourceLoader):
    """Loads one module from the source given."""

    def __init__(self, path: Path, source: bytes) -> None:
        self._path = path
        self._source = source

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        return self._source

    def path_stats(self, path: str | bytes) -> Any:
        raise OSError  # so that no compiled file is looked for, or written


class _Finder(MetaPathFinder):
    """Finds the mutant where the module is asked for."""

    def __init__(self, module: str, source: bytes) -> None:
        self._name = module.removesuffix(".py").replace("/", ".")
        self._loader = _Loader(ROOT / module, source)
        self.was_asked = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        self.was_asked = True
        return spec_from_loader(fullname, self._loader)


class _FirstFailure:
    """A plugin for pytest that remembers the first test that failed."""

    def __init__(self) -> None:
        self.test: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.test is None:
            self.test = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.test is None:
            self.test = report.nodeid


def fast_order(module: str) -> list[str]:
    """Return the fast tests for a mutant of this module, those named after it first; all of them for none."""
    if not module:
        return list(dict.fromkeys((*(test for tests in JUDGES.values() for test in tests), *FAST)))
    if "/check/" in module:
        return list(next(tests for modules, tests in JUDGES.items() if Path(module).stem in modules))
    stem = Path(module).stem.rstrip("s")
    return sorted(FAST, key=lambda path: (stem not in path, FAST.index(path)))


def run_fast_tests(mutant: Mutant | None, tell: int, output: int) -> None:
    """Run the fast tests on a mutant (None: on the code as it is) and tell which one failed, if one did."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    finder = None
    if mutant is not None:
        finder = _Finder(mutant.module, mutant.applied(source_of(mutant.module)))
        sys.meta_path.insert(0, finder)
    first = _FirstFailure()
    tests = fast_order("" if mutant is None else mutant.module)
    status = pytest.main([*FAST_OPTIONS, *tests], plugins=[first])
    test = first.test or ("" if status == 0 else f"pytest ended with {status}")
    if finder is not None and not finder.was_asked:
        test = NOT_LOADED
    os.write(tell, json.dumps(test).encode())


class Forks:
    """Runs mutants in forks of this process, ``jobs`` at a time."""

    def __init__(self, jobs: int, limit_s: float, done: Callable[[Mutant | None, Verdict], None]) -> None:
        self._jobs = jobs
        self._limit_s = limit_s
        self._done = done
        self._running: dict[int, tuple[Mutant | None, int, float]] = {}

    def run(self, mutants: Sequence[Mutant | None]) -> None:
        """Run the fast tests on each of them."""
        waiting = list(reversed(mutants))
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self._jobs:
                    self._start(waiting.pop())
                self._wait()
        finally:
            for _, pid, _ in self._running.values():
                _end(pid)

    def _start(self, mutant: Mutant | None) -> None:
        reader, writer = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            try:
                with tempfile.TemporaryFile() as output:
                    run_fast_tests(mutant, writer, output.fileno())
            finally:
                os._exit(0)
        os.close(writer)
        self._running[reader] = (mutant, pid, time.monotonic())

    def _wait(self) -> None:
        """Wait for one of those that run to end, or to take too long."""
        oldest = min(began for _, _, began in self._running.values())
        patience_s = max(0.0, oldest + self._limit_s - time.monotonic())
        ready, _, _ = select.select(list(self._running), [], [], patience_s)
        for reader, (mutant, pid, began) in list(self._running.items()):
            seconds = time.monotonic() - began
            if reader in ready:
                told = os.read(reader, 65536)
                test = json.loads(told) if told else "the process ended"
            elif seconds >= self._limit_s:
                test = "took too long"
            else:
                continue
            del self._running[reader]
            os.close(reader)
            _end(pid)
            if test == NOT_LOADED:
                raise SystemExit(f"{mutant}: {test}")
            self._done(mutant, Verdict(bool(test), test, seconds))


def _end(pid: int) -> None:
    """End a process that this one started, with those that it started, and wait for it."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    os.waitpid(pid, 0)


# The whole suite, in a copy.


class Copy:
    """A copy of the tree, in which one module at a time is a mutant."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / "copy"
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            if (ROOT / name).exists():
                (self._root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self._root / name)
        if (ROOT / ".venv").exists():
            (self._root / ".venv").symlink_to(ROOT / ".venv")

    def verdict(self, mutant: Mutant | None) -> Verdict:
        """Run the whole suite on a mutant (None: on the code as it is): what runs in one process first. What
        a test with real processes notices it has to notice twice, as those depend on time; where it does
        not, all of them run again."""
        began = time.monotonic()
        if mutant is not None:
            (self._root / mutant.module).write_bytes(mutant.applied(source_of(mutant.module)))
        try:
            failed = self._failed("-m", "not processes and not campaign")
            for _ in range(0 if failed else PROCESSES_RUNS):
                failed = self._failed("-m", "processes and not campaign")
                if not failed or "::" not in failed or self._failed(failed):
                    break
                failed = ""  # it took too long, say: that was the machine, not the mutant
        finally:
            if mutant is not None:
                (self._root / mutant.module).write_bytes(source_of(mutant.module))
        return Verdict(bool(failed), failed, time.monotonic() - began, "whole")

    def _failed(self, *arguments: str) -> str:
        """Return the test that failed, "" where none did."""
        command = [sys.executable, "-m", "pytest", "-x", "--tb=no", "-p", "no:cacheprovider", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(self._root), "PYTHONDONTWRITEBYTECODE": "1"}
        for name in (*FEW, "HYPOTHESIS_PROFILE", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
            environment.pop(name, None)
        with subprocess.Popen(
            command, cwd=self._root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                out = process.communicate(timeout=WHOLE_LIMIT_S)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return "took too long"
        if process.returncode == 0:
            return ""
        found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", out, re.MULTILINE)
        return found[1] if found else f"pytest ended with {process.returncode}"
