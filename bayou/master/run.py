"""A run: a scenario's lines, carried out one after another in a world."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.master.console import LINE_BYTES_MAX, complain, shorten, to_bytes, to_text, write_all
from bayou.master.grammar import BadLine, parse, resolve
from bayou.master.lockstep import LockStep
from bayou.master.topology import Topology
from bayou.node.messages import Failed, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from bayou.master.freerunning import FreeRunning
    from bayou.master.grammar import Command
    from bayou.worlds.world import World

    Answer = TypeVar("Answer", bound=Message)


class RunSettings(Record):
    """How to run a scenario: its name for messages; whether a line that is off is fatal, and whether to
    tell of each command; whether servers are left to gossip by themselves."""

    name: str = "<stdin>"
    strict: bool = False
    verbose: bool = False
    free_running: bool = False


class StrictStop(BayouError):
    """A line was off, and the run is strict."""


class Run:
    """The state of a run, and what command handlers use.

    - ``world``, ``topology``: what the commands act on;
    - ``pace``: how far servers get before the next command;
    - ``paused``: whether anti-entropy is stopped;
    - ``had_servers``: whether the first server, which is the primary, has joined.
    """

    def __init__(
        self,
        world: World,
        commands: Mapping[str, Command],
        settings: RunSettings | None = None,
        *,
        write: Callable[[bytes], None] = lambda data: write_all(1, data),
        complain: Callable[[str], None] = complain,
    ) -> None:
        """Run in ``world`` with these ``commands``, by name; ``write`` takes the output, and ``complain``
        lines for standard error."""
        self.world = world
        self.topology = Topology()
        self.settings = settings or RunSettings()
        self.pace = self._new_pace()
        self.paused = False
        self.had_servers = False
        self._commands = commands
        self._write = write
        self._complain = complain
        self._place = self.settings.name

    def _new_pace(self) -> LockStep | FreeRunning:
        if self.settings.free_running:
            from bayou.master.freerunning import FreeRunning

            return FreeRunning(self.world, self.topology)
        return LockStep(self.world, self.topology)

    def line(self, number: int, line: bytes | None) -> None:
        """Carry out one line (None for one that was too long to be read).

        What is wrong with it is said on standard error; StrictStop then, if the run is strict.
        """
        self._place = f"{self.settings.name}:{number}"
        try:
            if line is None:
                raise BadLine(f"a line of more than {LINE_BYTES_MAX} bytes")
            self._carry_out(line)
        except BadLine as error:
            self._say_what_is_off(line or b"", f"{error}; skipped")

    def _carry_out(self, raw: bytes) -> None:
        line = parse(raw, self._commands)
        if line is None:
            return
        command = line.command
        kind_of = self.topology.kind
        fields = [
            resolve(field, text, kind_of) for field, text in zip(command.fields, line.fields, strict=True)
        ]
        if line.extra:
            surplus = shorten(" ".join(line.extra))
            self._say_what_is_off(
                raw, f"ignoring what follows the last field, {surplus!r}: usage is {command.usage}"
            )
        if self.settings.verbose:
            self._complain(f"{self._place}: {self._quote(raw)}")
        self.world.begin()
        command.run(self, *fields)

    def _say_what_is_off(self, raw: bytes, why: str) -> None:
        self._complain(f"{self._place}: {self._quote(raw)}: {why}")
        if self.settings.strict:
            raise StrictStop(why)

    def _quote(self, raw: bytes) -> str:
        return shorten(to_text(raw))

    @property
    def place(self) -> str:
        """The file and line being carried out, for messages."""
        return self._place

    # What command handlers use.

    def print(self, lines: Iterable[str]) -> None:
        """Print lines on standard output, and flush them."""
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self._write(to_bytes(text))

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
            self.pace.settle(changed)
