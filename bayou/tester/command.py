"""The command that scenarios are fed to, and the words with which the tester says what to do next."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from bayou.tester.config import COMMAND_FILE, SetupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.tester.cases import Case


@dataclass(frozen=True)
class Command:
    """A shell command, run in the project's directory; ``by_hand`` is how a person writes it there."""

    shell: str
    by_hand: str
    directory: Path

    @classmethod
    def read(cls, directory: Path, remedy: str = "") -> Command:
        """Return the one-line command in COMMAND; SetupError where there is none."""
        path = directory / COMMAND_FILE
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except FileNotFoundError:
            raise SetupError(
                "there is no COMMAND here: write the command that runs a scenario from its standard input "
                f"into a file of that name, on one line{remedy}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"COMMAND can't be read: {error}") from error
        if not lines:
            raise SetupError(
                "COMMAND is empty: write the command that runs a scenario from its standard input into it, "
                "on one line"
            )
        if "\0" in lines[0]:
            raise SetupError("COMMAND holds a NUL, which can't be part of a command: write it anew as text")
        if len(lines) > 1:
            raise SetupError(f"COMMAND has {len(lines)} lines: it has to be one")
        return cls(lines[0], 'sh -c "$(cat COMMAND)"', directory)

    @classmethod
    def read_or_own(cls, directory: Path) -> Command:
        """Return the command in COMMAND, or where there is no such file, the one that runs scenarios with
        this interpreter's own bayou."""
        if os.path.lexists(directory / COMMAND_FILE):
            return cls.read(directory)
        own = shlex.join([sys.executable, "-m", "bayou.master"])
        return cls(own, own, directory)

    def adding(self, arguments: Sequence[str]) -> Command:
        """Return the command with arguments added."""
        return self._adding(shlex.join(arguments))

    def for_case(self, case: Case) -> Command:
        """Return the command with the arguments of that test's configuration."""
        return self._adding(case.config.args)

    def _adding(self, text: str) -> Command:
        if not text:
            return self
        # The text of COMMAND is one word where a person runs it: what is added has to become part of it.
        by_hand = f" {text}" if self.by_hand == self.shell else shlex.quote(f" {text}")
        return Command(f"{self.shell} {text}", self.by_hand + by_hand, self.directory)


@dataclass(frozen=True)
class Advice:
    """How to say what to do next, in terms of the program that was called.

    ``program`` is what runs and blesses tests by name, ``timeout`` the option for the time limit, and
    ``place`` the directory to do it in, where that is not the current one.
    """

    program: str = "tester.py"
    timeout: str = "--timeout"
    place: Path | None = None

    def run(self, name: str) -> str:
        """Return how to run that test."""
        return self.there(f"{self.program} {shlex.quote(name)}")

    def bless(self, name: str) -> str:
        """Return how to make what that test printed its solution."""
        return self.there(f"{self.program} --bless {shlex.quote(name)}")

    def watch(self, command: Command, case: Case) -> str:
        """Return how to run that test without the tester."""
        scenario = shlex.quote(f"tests/{case.name}.test")
        return self.there(f"{command.for_case(case).by_hand} < {scenario}")

    def there(self, command: str) -> str:
        """Return a command with the way to where it has to be run."""
        return command if self.place is None else f"cd {shlex.quote(str(self.place))} && {command}"
