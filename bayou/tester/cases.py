"""Which tests there are in a directory, and what is wrong with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from bayou.tester.config import Config, SetupError, read_config


@dataclass(frozen=True)
class Case:
    """One test: a scenario, the solution that it is held against (which may be missing), where what it
    prints is kept, and how it is judged."""

    name: str
    scenario: Path
    solution: Path
    answer: Path
    config: Config = field(default_factory=Config)

    @classmethod
    def of(cls, scenario: Path) -> Case:
        """Return the test of that scenario, in a project laid out as usual: ``tests/NAME.test`` beside
        ``solutions/NAME.sol`` and ``answers/NAME.ans``. Raises SetupError for a wrong configuration."""
        project, name = scenario.parent.parent, scenario.stem
        return cls(
            name,
            scenario,
            project / "solutions" / f"{name}.sol",
            project / "answers" / f"{name}.ans",
            read_config(scenario.with_suffix(".config")),
        )

    def command(self, command: str) -> str:
        """Return the shell command that runs this test."""
        return " ".join([command, *([self.config.args] if self.config.args else [])])


@dataclass(frozen=True)
class Suite:
    """The tests chosen, and solutions and configurations (file names) that belong to no test."""

    cases: list[Case]
    orphans: list[str]


def read_command(directory: Path) -> str:
    """Return the one-line command in COMMAND; SetupError where there is none."""
    path = directory / "COMMAND"
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        raise SetupError(
            "there is no COMMAND here: write the command that runs a scenario from its standard input into "
            "a file of that name, on one line"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"COMMAND can't be read: {error}") from error
    if not lines:
        raise SetupError(
            "COMMAND is empty: write the command that runs a scenario from its standard input into it, "
            "on one line"
        )
    if len(lines) > 1:
        raise SetupError(f"COMMAND has {len(lines)} lines: it has to be one")
    return lines[0]


def find_suite(directory: Path, patterns: list[str]) -> Suite:
    """Return the tests to run, by name.

    ``patterns`` are names or shell patterns of tests; without any, all tests are meant. Raises SetupError
    where nothing is there to run.
    """
    tests, solutions = directory / "tests", directory / "solutions"
    cases = [Case.of(path) for path in sorted(tests.glob("*.test"))]
    if not cases:
        raise SetupError("there are no tests here: scenarios go into tests/NAME.test")
    names = {case.name for case in cases}
    if not patterns:
        lonely = [*sorted(solutions.glob("*.sol")), *sorted(tests.glob("*.config"))]
        return Suite(cases, [str(path.relative_to(directory)) for path in lonely if path.stem not in names])
    wanted = [Path(pattern).name.removesuffix(".test") for pattern in patterns]
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in names):
            there_are = _some([case.name for case in cases])
            raise SetupError(f"no test is called {pattern!r}: there are {there_are}")
    return Suite([case for case in cases if any(fnmatchcase(case.name, pattern) for pattern in wanted)], [])


def with_arguments(command: str, arguments: list[str]) -> str:
    """Return a shell command with arguments added."""
    return f"{command} {shlex.join(arguments)}" if arguments else command


def _some(names: list[str], count: int = 8) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
