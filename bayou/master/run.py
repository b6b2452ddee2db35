"""A run: a scenario's lines, carried out one after another in a world."""

from __future__ import annotations

import os

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.master.console import (
    LINE_BYTES_MAX,
    complain,
    read_lines,
    to_bytes,
    to_text,
    write_all,
)
from bayou.master.grammar import BadLine, parse, resolve
from bayou.master.lockstep import LockStep
from bayou.master.topology import Topology
from bayou.node.messages import Failed, Message
from bayou.worlds.world import Gone, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from bayou.master.expectations import Expectations
    from bayou.master.freerunning import FreeRunning
    from bayou.master.grammar import Command
    from bayou.trace.file import Event
    from bayou.worlds.faults import Faults
    from bayou.worlds.world import World

    Answer = TypeVar("Answer", bound=Message)


class RunSettings(Record):
    """How to run a scenario: its name for messages; whether a line that is off is fatal, and whether to
    tell of each command; whether servers are left to gossip by themselves."""

    name: str = "<stdin>"
    strict: bool = False
    verbose: bool = False
    free_running: bool = False


INCLUDES_MAX = 16
"""How deep files may include each other."""


class StrictStop(BayouError):
    """A line was off, and the run is strict."""


class Run:
    """The state of a run, and what command handlers use.

    - ``world``, ``topology``: what the commands act on;
    - ``pace``: how far servers get before the next command;
    - ``paused``: whether anti-entropy is stopped;
    - ``is_in_doubt``: whether nodes may be connected otherwise than ``topology`` says, as a command was
      given up (bayou.master.stock);
    - ``had_servers``: whether the first server, which is the primary, has joined;
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
        """Run in ``world`` with these ``commands``, by name; ``typed`` are those of the outermost lines, if
        they are others than in the files that these include; ``write`` takes the output, and ``complain``
        lines for standard error; ``observe`` takes the events of a trace."""
        self.world = world
        self.topology = Topology()
        self.settings = settings or RunSettings()
        self.pace = self._new_pace()
        self.paused = False
        self.had_servers = False
        self.is_in_doubt = False
        self._is_unsettled = False
        self._commands = commands
        self._typed = commands if typed is None else typed
        self._write = write
        self._complain = complain
        self._observe = observe
        self.faults: dict[tuple[int | None, int | None], Faults] = {}
        self._place = self.settings.name
        self._files = [self.settings.name]
        self._printed: list[str] = []
        self._source: tuple[str, str | bytes] = ("", "nothing")
        self._expectations: Expectations | None = None

    def _new_pace(self) -> LockStep | FreeRunning:
        if self.settings.free_running:
            from bayou.master.freerunning import FreeRunning

            return FreeRunning(self.world, self.topology, self.notice_departures)
        return LockStep(self.world, self.topology, self.notice_departures)

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
            self._begin(self._place, "which was skipped")
            self._say_what_is_off(line or b"", f"{error}; skipped")

    def again(self, place: str, line: bytes) -> None:
        """Carry out a command of an earlier run, which stood at ``place``."""
        self._place = place
        self._carry_out(line)

    def _carry_out(self, raw: bytes) -> None:
        line = parse(raw, self._commands if len(self._files) > 1 else self._typed)
        if line is None:
            return
        self.notice_departures()
        command = line.command
        kind_of = self.topology.kind
        fields = [
            resolve(field, text, kind_of) for field, text in zip(command.fields, line.fields, strict=True)
        ]
        if line.extra:
            surplus = self._quote(to_bytes(" ".join(line.extra)))
            self._say_what_is_off(
                raw, f"ignoring what follows the last field, {surplus!r}: usage is {command.usage}"
            )
        if self.settings.verbose:
            self._complain(f"{self._place}: {self._quote(raw)}")
        if command.name != "expect":
            self._begin(self._place, raw)
        if command.name != "include":  # what is included is recorded, command by command
            text = " ".join((command.name, *line.fields))
            self.record({"event": "command", "place": self._place, "text": text})
        self.world.begin()
        command.run(self, *fields)

    def end(self) -> None:
        """The scenario is over."""
        if self._expectations is not None:
            self._expectations.end()

    @property
    def expectations(self) -> Expectations:
        """What the last command printed, and how much of it has been expected."""
        if self._expectations is None:
            from bayou.master.expectations import Expectations

            self._expectations = Expectations(self._say_unexpected, self._name_of_source, self._printed)
        return self._expectations

    @property
    def unmet(self) -> int:
        """How many expectations were not met."""
        return 0 if self._expectations is None else self._expectations.failures

    def _begin(self, place: str, what: str | bytes) -> None:
        """A command begins: where, and what it is."""
        if self._expectations is not None:
            self._expectations.begin()
        else:
            self._printed = []
        self._source = place, what

    def _name_of_source(self) -> str:
        place, what = self._source
        return f"{place}, {what if isinstance(what, str) else self._quote(what)},"

    def include(self, name: str) -> None:
        """Carry out the lines of a file; BadLine where it can't be read, or includes itself."""
        outer = self._files[-1]
        path = os.path.join(os.path.dirname(outer), name) if outer != "<stdin>" else name
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

    # What command handlers use.

    def print(self, lines: Iterable[str]) -> None:
        """Print lines on standard output, and flush them."""
        made = list(lines)
        if self._expectations is not None:
            self._expectations.printed(made)
        else:
            self._printed += made
        text = "".join(f"{line}\n" for line in made)
        if text:
            self._write(to_bytes(text))

    def say(self, lines: Iterable[str]) -> None:
        """Print lines for a person at the prompt, which no ``expect`` compares."""
        self._write(to_bytes("".join(f"{line}\n" for line in lines)))

    def unsettle(self) -> None:
        """A command was given up: the next one that settles any group settles all."""
        self._is_unsettled = True

    def doubt(self) -> None:
        """A command was given up, or failed: something may be half done, and go on by itself."""
        self.is_in_doubt = True
        self.unsettle()

    def tell_news(self, line: str) -> None:
        """Say on standard error what has happened by itself."""
        self._complain(line)

    def quote(self, text: str) -> str:
        """Return a text as it can stand in a message."""
        return self._quote(to_bytes(text))

    def forget(self, node: int) -> None:
        """A node is gone without having been told to."""
        if self.topology.kind(node) == "server":
            self.remove_server(node)
        elif self.topology.kind(node) == "client":
            self.topology.remove_client(node)
        self.unsettle()

    def notice_departures(self) -> None:
        """Forget the servers that left after their retirement had been given up, and take notice of those
        that have crashed as planned."""
        for server in self.world.take_departed():
            self.remove_server(server)
            self.unsettle()
            self._complain(f"server {server} has left: its retirement, given up before, is complete")
        for server in self.world.take_crashed():
            if self.topology.kind(server) == "server":
                self.topology.crash(server)
                self.unsettle()

    def remove_server(self, server: int) -> list[int]:
        """A server has left: forget it, and the faults of its connections; return who was connected to it."""
        neighbours = self.topology.remove_server(server)  # first, as the rest may be given up
        for way in [way for way in self.faults if server in way]:
            del self.faults[way]
            self.world.suffer(*way, None)
        return neighbours

    def mend(self, a: int, b: int) -> None:
        """Connect two servers that are not; one that leaves as soon as it is connected (its retirement
        had been given up) is no error."""
        if self.topology.kind(a) != "server" or self.topology.kind(b) != "server":
            return
        if self.topology.are_connected(a, b) and not self.is_in_doubt:
            return
        try:
            self.world.connect(a, b)
        except Gone:
            self.notice_departures()
        else:
            self.topology.connect(a, b)

    def tell(self, line: str) -> None:
        """Say on standard error how a command went, in a verbose run."""
        if self.settings.verbose:
            self._complain(f"{self._place}: {line}")

    def ask(self, node: int, order: Message, kind: type[Answer]) -> Answer:
        """Give a node an order and return its answer; BadLine where it says that it can't."""
        return self.expect(self.world.ask(node, order), kind)

    def expect(self, answer: Message, kind: type[Answer]) -> Answer:
        """Return an answer of the kind that is due; BadLine where a node says that it can't."""
        if isinstance(answer, Failed):
            raise BadLine(f"it can't be done: {answer.why}")
        if not isinstance(answer, kind):
            raise BayouError(f"a node answered {answer!r}")
        return answer

    def settle(self, changed: Iterable[int]) -> None:
        """Unless paused, let the groups of these servers get as far as the pace demands before the next
        command: level, in lock-step."""
        if not self.paused:
            changed = self.topology.servers if self._is_unsettled else list(changed)
            moving = self._moving()
            self.pace.settle(changed, after_failure=self._is_unsettled)
            while len(self._moving()) < len(moving):  # something came in the middle
                moving = self._moving()
                self.pace.settle(changed, after_failure=True)
            self._is_unsettled = bool(moving)
            if not self.settings.free_running:
                self.record_rest(changed)

    def _moving(self) -> list[int]:
        """Return the servers to which clients have sent requests that were given up, and may be carried out
        at any moment: one for each of these."""
        owing = [node for node in self.world.owing() if self.topology.kind(node) == "client"]
        servers = [self.topology.server_of(client) for client in owing]
        return [server for server in servers if server is not None]

    def record_rest(self, servers: Iterable[int]) -> None:
        """Record that nothing more can move in the groups of these servers, as far as that is so."""
        if self._observe is None:
            return
        moving = self._moving()
        groups = self.topology.groups(servers)
        groups = [group for group in groups if not any(server in group for server in moving)]
        if groups:
            self.record({"event": "settled", "groups": groups})

    def record(self, event: Event) -> None:
        """Add an event to the trace, if there is one."""
        if self._observe is not None:
            self._observe(event)
