"""Which tests there are in a directory, and what is wrong with it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from bayou.tester.config import COMMAND_FILE, Config, SetupError, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS, SOLUTIONS, ANSWERS = "tests", "solutions", "answers"


@dataclass(frozen=True)
class Case:
    """One test: a scenario, the solution that it is held against (which may be missing), where what it
    prints is kept, and how it is judged. The name of one in a sub-folder has slashes in it."""

    name: str
    scenario: Path
    solution: Path
    answer: Path
    config: Config = field(default_factory=Config)

    @classmethod
    def at(cls, tests: Path, name: str) -> Case:
        """Return the test of that name in a folder of tests: ``NAME.test`` there, and beside the folder
        ``solutions/NAME.sol`` and ``answers/NAME.ans``."""
        return cls(
            name,
            tests / f"{name}.test",
            tests.parent / SOLUTIONS / f"{name}.sol",
            tests.parent / ANSWERS / f"{name}.ans",
            read_config(tests / f"{name}.config"),
        )

    @classmethod
    def of(cls, scenario: Path) -> Case:
        """Return the test of that scenario: it lies in a folder ``tests``, or in a sub-folder of one."""
        tests = _folder_of_tests(scenario)
        return cls.at(tests, scenario.relative_to(tests).as_posix().removesuffix(".test"))

    @property
    def project(self) -> Path:
        """The directory of the project that the test belongs to."""
        return self.solution.parents[self.name.count("/") + 1]


@dataclass(frozen=True)
class Orphan:
    """A solution or a configuration (``file``) that belongs to no test, and the test that is missing."""

    file: str
    test: str


@dataclass(frozen=True)
class Suite:
    """The tests chosen, and what belongs to none."""

    cases: list[Case]
    orphans: list[Orphan]


def find_suite(directory: Path, patterns: list[str]) -> Suite:
    """Return the tests to run, by name, those in sub-folders of ``tests`` too.

    ``patterns`` are names or shell patterns of tests, or sub-folders; without any, all tests are meant.
    Raises SetupError where nothing is there to run.
    """
    tests = directory / TESTS
    names = list(_names(tests, ".test"))
    if not names:
        raise SetupError("there are no tests here: scenarios go into tests/NAME.test")
    if not patterns:
        orphans = [
            Orphan(f"{folder}/{name}{ending}", f"{TESTS}/{name}.test")
            for folder, ending in ((SOLUTIONS, ".sol"), (TESTS, ".config"))
            for name in _names(directory / folder, ending)
            if name not in names
        ]
        return Suite([Case.at(tests, name) for name in names], orphans)
    chosen = {name for pattern in patterns for name in _matching(pattern, names, tests)}
    return Suite([Case.at(tests, name) for name in names if name in chosen], [])


def _matching(given: str, names: list[str], tests: Path) -> list[str]:
    """Return the names that are meant; SetupError where there are none."""
    pattern = _normal(given, tests)
    if pattern in names:
        return [pattern]  # as a name, whatever it would be as a pattern
    for meant in (pattern, f"{pattern}/*"):
        found = [name for name in names if fnmatchcase(name, meant)]
        if found:
            return found
    deeper = [name for name in names if fnmatchcase(name.rpartition("/")[2], pattern)]
    if deeper:
        raise SetupError(f"no test is called {given!r}: did you mean {_some(deeper)}?")
    raise SetupError(f"no test is called {given!r}: there are {_some(names)}")


def _folder_of_tests(scenario: Path) -> Path:
    """Return the innermost folder ``tests`` around a scenario that has solutions or a COMMAND beside it, or
    else the innermost one at all, or else the folder that the scenario lies in."""
    around = [folder for folder in scenario.parents if folder.name == TESTS]
    marked = [
        folder
        for folder in around
        if any((folder.parent / mark).exists() for mark in (SOLUTIONS, COMMAND_FILE))
    ]
    return next(iter([*marked, *around]), scenario.parent)


def _normal(pattern: str, tests: Path) -> str:
    """Return the pattern of names for one that may be written as a file or a folder too."""
    absolute = os.path.abspath(pattern)
    for folder in (os.path.abspath(tests), str(tests.resolve())):
        if absolute == folder:
            return "*"
        if absolute.startswith(f"{folder}/"):
            return absolute.removeprefix(f"{folder}/").removesuffix(".test")
    return os.path.normpath(pattern).removesuffix(".test")


def _names(
    folder: Path, ending: str, prefix: str = "", seen: tuple[tuple[int, int], ...] = ()
) -> Iterator[str]:
    """Give out the names of all files below a folder that have that ending, less the ending, in order.

    What is hidden (its name begins with a dot) is left out. Links to folders are followed, but not in
    circles. Raises SetupError where a folder can't be read.
    """
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise SetupError(f"{folder} can't be read: {error.strerror}") from error
    here = (status.st_dev, status.st_ino)
    if here in seen:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.name.endswith(ending):
            yield prefix + entry.name.removesuffix(ending)
        elif entry.is_dir():
            yield from _names(entry, ending, f"{prefix}{entry.name}/", (*seen, here))


def _some(names: list[str], count: int = 8) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
