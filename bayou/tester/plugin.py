"""A pytest plugin: ``pytest --bayou tests/`` runs the scenarios of any project beside its other tests.

Each ``tests/NAME.test`` is a test, held against ``solutions/NAME.sol`` under the rules of ``bayou test``, in
the project's directory. It runs with the command in the project's COMMAND, or without one with this Python's
own bayou. How it went is kept there for ``bayou test --bless`` and ``--failed``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bayou._arguments import seconds
from bayou.tester.cases import Case
from bayou.tester.command import Advice, Command
from bayou.tester.config import SetupError
from bayou.tester.processes import Processes
from bayou.tester.record import LastRun
from bayou.tester.runner import Outcome, Runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest._code.code import TerminalRepr


PROCESSES = pytest.StashKey[Processes]()


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
        "--bayou-timeout",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long one scenario may take",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--bayou"):
        config.stash[PROCESSES] = Processes()


def pytest_unconfigure(config: pytest.Config) -> None:
    """See that nothing is left, wherever in its work a signal has struck."""
    processes = config.stash.get(PROCESSES, None)
    if processes is not None:
        processes.stop()


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
            outcome = self._run(case)
        except (SetupError, OSError) as error:
            raise pytest.UsageError(str(error)) from error
        if not outcome.passed:
            raise Failure(outcome)
        if outcome.details:
            self.add_report_section("call", "stderr", "\n".join(outcome.details))

    def _run(self, case: Case) -> Outcome:
        project = case.project
        command = Command.read_or_own(project)
        world = self.config.getoption("--bayou-world")
        if world:
            command = command.adding(["--world", world])
        place = None if project.resolve() == Path.cwd() else project
        advice = Advice("bayou test", "--bayou-timeout", place)
        timeout_s = self.config.getoption("--bayou-timeout")
        outcome = Runner(command, timeout_s, advice, self.config.stash[PROCESSES]).run(case)
        LastRun(project, advice).note([outcome])
        return outcome

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
