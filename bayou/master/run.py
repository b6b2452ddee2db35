"""A run: a scenario's lines, carried out one after another in a world."""

from __future__ import annotations

import os

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.families.family import commands_of
from bayou.families.vocabulary import OtherFamily, find_command, opened_at_once_by
from bayou.script.console import (
    LINE_BYTES_MAX,
    complain,
    read_lines,
    to_bytes,
    to_text,
    write_all,
)
from bayou.script.expectations import Expectations
from bayou.script.grammar import BadLine, parse, split
from bayou.worlds.world import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from bayou.families import Family
    from bayou.families.family import System
    from bayou.script.grammar import Command
    from bayou.trace.file import Event
    from bayou.worlds.world import World


class RunSettings(Record):
    """How to run a scenario: its name for messages; whether a line that is off is fatal, and whether to
    tell of each command; whether nodes are left to themselves; what the command line asked for beside, by
    name; whether files that its lines write are kept in memory, and go with the run."""

    name: str = "<stdin>"
    strict: bool = False
    verbose: bool = False
    free_running: bool = False
    options: Mapping[str, Any] = {}
    keeps_no_files: bool = False


INCLUDES_MAX = 16
"""How deep files may include each other."""


class StrictStop(BayouError):
    """A line was off, and the run is strict."""


class Run:
    """A scenario on its way: its lines, what they print, and the system under test, which is of the family
    that the first command tells. For that system this is the stage (bayou.families.family).

    - ``world``: where the nodes run;
    - ``family``, ``system``: what is under test, None until a command of a family has come;
    - ``expectations``: what the last command printed, for ``expect``.
    """

    def __init__(
        self,
        world: World,
        commands: Mapping[str, Command],
        settings: RunSettings | None = None,
        *,
        typed: Mapping[str, Command] | None = None,
        write: Callable[[bytes], None] = lambda data: write_all(1, data),
        complain: Callable[[str], None] = complain,
        observe: Callable[[Event], None] | None = None,
    ) -> None:
        """Run in ``world``. ``commands`` are those that belong to all families, by name; ``typed`` are those
        of the outermost lines, if they are others than in the files that these include; ``write`` takes the
        output, and ``complain`` lines for standard error; ``observe`` takes the events of a trace."""
        self.world = world
        self.family: Family | None = None
        self.system: System | None = None
        self.settings = settings or RunSettings()
        self._commands = commands
        self._typed = commands if typed is None else typed
        self._write = write
        self._complain = complain
        self._observe = observe
        self._place = self.settings.name
        self._files = [self.settings.name]
        self.expectations = Expectations(self._say_unexpected)

    def line(self, number: int, line: bytes | None) -> None:
        """Carry out one line (None for one that was too long to be read).

        What is wrong with it is said on standard error; StrictStop then, if the run is strict.
        """
        self._place = f"{self._files[-1]}:{number}"
        try:
            if line is None:
                raise BadLine(f"a line of more than {LINE_BYTES_MAX} bytes")
            self._carry_out(line)
        except (BadLine, Unsupported) as error:
            self.expectations.begin(self._place, "which was skipped")
            outcome = error.outcome if isinstance(error, BadLine) else BadLine.outcome
            self._say_what_is_off(line or b"", f"{error}{outcome}")

    def again(self, place: str, line: bytes) -> None:
        """Carry out a command of an earlier run, which stood at ``place``."""
        self._place = place
        self._carry_out(line)

    def _carry_out(self, raw: bytes) -> None:
        words = split(raw)
        if not words:
            return
        general = self._commands if len(self._files) > 1 else self._typed
        likely = opened_at_once_by(words) if self.family is None else None
        if likely is not None:  # before its commands are imported
            self.world.expect(likely.machines)
        try:
            command, family = find_command(words, general, self.family)
        except OtherFamily as error:
            if self.family is None:
                self.open(error.chosen)
            raise
        if family is not self.family and family is not None:
            self.open(family)
        line = parse(raw, words, command)
        if self.system is not None:
            self.system.look_round()
        fields = [
            field.kind.read(text, field, self.system)
            for field, text in zip(command.fields, line.fields, strict=True)
        ]
        if line.extra:
            surplus = self._quote(to_bytes(" ".join(line.extra)))
            self._say_what_is_off(
                raw, f"ignoring what follows the last field, {surplus!r}: usage is {command.usage}"
            )
        if self.settings.verbose:
            self._complain(f"{self._place}: {self._quote(raw)}")
        if command.name != "expect":
            self.expectations.begin(self._place, raw)
        if command.name != "include":  # what is included is recorded, command by command
            text = " ".join((command.name, *line.fields))
            self.record({"event": "command", "place": self._place, "text": text})
        self.world.begin()
        command.run(self.system if command.family else self, *fields)

    def open(self, family: Family) -> None:
        """The run is of this family from here on."""
        self.record({"event": "opened", "family": family.name})
        self.system = commands_of(family).open_system(self)
        self.family = family

    def end(self) -> None:
        """The scenario is over."""
        self.expectations.end()

    @property
    def unmet(self) -> int:
        """How many expectations were not met."""
        return self.expectations.failures

    def path_of(self, name: str) -> str:
        """Return the path of a file that a line names: relative to the file that the line is in, or to the
        working directory where that is standard input."""
        outer = self._files[-1]
        return name if outer == "<stdin>" else os.path.join(os.path.dirname(outer), name)

    def include(self, name: str) -> None:
        """Carry out the lines of a file; BadLine where it can't be read, or includes itself."""
        path = self.path_of(name)
        if any(os.path.realpath(path) == os.path.realpath(file) for file in self._files):
            raise BadLine(f"{path} includes itself")
        if len(self._files) > INCLUDES_MAX:
            raise BadLine(f"files are included {INCLUDES_MAX} deep, and that is the limit")
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise BadLine(f"{path} can't be read: {error.strerror}") from error
        self._files.append(path)
        place = self._place
        try:
            for number, line in read_lines(fd):
                self.line(number, line)
        except IsADirectoryError as error:
            raise BadLine(f"{path} is a directory") from error
        finally:
            os.close(fd)
            self._files.pop()
        self._place = place

    def _say_what_is_off(self, raw: bytes, why: str) -> None:
        self._complain(f"{self._place}: {self._quote(raw)}: {why}")
        if self.settings.strict:
            raise StrictStop(why)

    def _say_unexpected(self, why: str) -> None:
        self._complain(f"{self._place}: {why}")
        if self.settings.strict:
            raise StrictStop(why)

    def _quote(self, raw: bytes) -> str:
        from bayou._quoting import shorten  # only where there is something to say

        return shorten(to_text(raw))

    @property
    def place(self) -> str:
        """The file and line being carried out, for messages."""
        return self._place

    # What commands and systems use.

    def print(self, lines: Iterable[str]) -> None:
        """Print lines on standard output, and flush them."""
        made = list(lines)
        self.expectations.printed(made)
        text = "".join(f"{line}\n" for line in made)
        if text:
            self._write(to_bytes(text))

    def say(self, lines: Iterable[str]) -> None:
        """Print lines for a person at the prompt, which no ``expect`` compares."""
        self._write(to_bytes("".join(f"{line}\n" for line in lines)))

    def tell_news(self, line: str) -> None:
        """Say on standard error what has happened by itself."""
        self._complain(line)

    def quote(self, text: str) -> str:
        """Return a text as it can stand in a message."""
        return self._quote(to_bytes(text))

    def tell(self, line: str) -> None:
        """Say on standard error how a command went, in a verbose run."""
        if self.settings.verbose:
            self._complain(f"{self._place}: {line}")

    def record(self, event: Event) -> None:
        """Add an event to the trace, if there is one."""
        if self._observe is not None:
            self._observe(event)

    @property
    def is_recorded(self) -> bool:
        """Whether there is a trace."""
        return self._observe is not None

    @property
    def free_running(self) -> bool:
        """Whether nodes are left to themselves."""
        return self.settings.free_running

    @property
    def keeps_no_files(self) -> bool:
        """Whether files that lines write are kept in memory."""
        return self.settings.keeps_no_files

    @property
    def options(self) -> Mapping[str, Any]:
        """What the command line asked for, by name."""
        return self.settings.options

    def look_round(self) -> None:
        """Take notice of what has happened by itself."""
        if self.system is not None:
            self.system.look_round()

    def unsettle(self) -> None:
        """A command was given up, though whoever did so went on."""
        if self.system is not None:
            self.system.unsettle()
