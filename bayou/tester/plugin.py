"""A pytest plugin: ``pytest --bayou tests/`` runs the scenarios of any project beside its other tests.

Each ``tests/NAME.test`` is a test, held against ``solutions/NAME.sol`` under the rules of ``bayou test``. It
runs with the command in the project's COMMAND, or without one with this Python's own bayou.
"""

from __future__ import annotations

import shlex
import sys

import pytest

from bayou.tester.cases import Case, read_command, with_arguments
from bayou.tester.config import SetupError
from bayou.tester.runner import Outcome, Runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _pytest._code.code import TerminalRepr


class Failure(Exception):
    """A scenario did not print what its solution says."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.problem)
        self.outcome = outcome


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bayou", "scenarios of a Bayou store")
    group.addoption("--bayou", action="store_true", help="collect scenarios (.test files) too")
    group.addoption("--bayou-world", choices=("processes", "sim"), help="where the nodes of scenarios run")
    group.addoption(
        "--bayou-timeout", type=float, default=60.0, metavar="SECONDS", help="how long one scenario may take"
    )


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.suffix == ".test" and parent.config.getoption("--bayou"):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """A ``.test`` file, which is one test."""

    def collect(self) -> Iterator[pytest.Item]:
        yield ScenarioItem.from_parent(self, name=self.path.stem)


class ScenarioItem(pytest.Item):
    """One scenario and its solution."""

    def runtest(self) -> None:
        try:
            case = Case.of(self.path)
            outcome = Runner(self._command(), self.config.getoption("--bayou-timeout")).run(case)
        except (SetupError, OSError) as error:
            raise pytest.UsageError(str(error)) from error
        if not outcome.passed:
            raise Failure(outcome)

    def _command(self) -> str:
        project = self.path.parent.parent
        if (project / "COMMAND").exists():
            command = f"cd {shlex.quote(str(project))} && {read_command(project)}"
        else:
            command = shlex.join([sys.executable, "-m", "bayou.master"])
        world = self.config.getoption("--bayou-world")
        return with_arguments(command, ["--world", world] if world else [])

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str | TerminalRepr:
        error = excinfo.value
        if isinstance(error, Failure):
            outcome = error.outcome
            return "\n".join([f"{self.path}: {outcome.problem}", *outcome.details])
        if isinstance(error, pytest.UsageError):
            return f"{self.path}: {error}"
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"scenario {self.name}"
