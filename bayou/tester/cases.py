"""Which tests there are in a directory, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


class SetupError(Exception):
    """The directory is not fit for a run; the message says what to do."""


@dataclass(frozen=True)
class Case:
    """One test: a scenario, the solution that it is held against (None where it is missing), and where
    what it prints is kept."""

    name: str
    scenario: Path
    solution: Path | None
    answer: Path


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


def find_cases(directory: Path, patterns: list[str]) -> tuple[list[Case], list[str]]:
    """Return the tests to run, by name, and the names of solutions that have no test.

    ``patterns`` are names or shell patterns of tests; without any, all tests are meant. Raises SetupError
    where nothing is there to run.
    """
    tests = directory / "tests"
    solutions = {path.stem: path for path in sorted((directory / "solutions").glob("*.sol"))}
    cases = [
        Case(path.stem, path, solutions.get(path.stem), directory / "answers" / f"{path.stem}.ans")
        for path in sorted(tests.glob("*.test"))
    ]
    if not cases:
        raise SetupError("there are no tests here: scenarios go into tests/NAME.test")
    if not patterns:
        names = {case.name for case in cases}
        return cases, [name for name in solutions if name not in names]
    wanted = [Path(pattern).name.removesuffix(".test") for pattern in patterns]
    for pattern in wanted:
        if not any(fnmatchcase(case.name, pattern) for case in cases):
            raise SetupError(
                f"no test is called {pattern!r}: there are {_some([case.name for case in cases])}"
            )
    return [case for case in cases if any(fnmatchcase(case.name, pattern) for pattern in wanted)], []


def _some(names: list[str], count: int = 8) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
