"""What a family brings, to those who know none of them, and what a run offers to a family."""

from __future__ import annotations

from bayou.core.errors import BayouError
from bayou.machine.messages import Failed
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol, TypeVar

    from bayou.families import Family
    from bayou.machine.messages import Message
    from bayou.script.grammar import Command
    from bayou.trace.file import Event
    from bayou.worlds.world import World

    Answer = TypeVar("Answer", bound=Message)

    class Stage(Protocol):
        """What a run offers to the system that is under test in it.

        - ``world``: where its nodes run; ``free_running``: whether they are left to themselves, instead of
          coming to rest after each command;
        - ``options``: what the command line asked for, by name, with the family's own among them.
        """

        @property
        def world(self) -> World: ...
        @property
        def free_running(self) -> bool: ...
        @property
        def options(self) -> Mapping[str, Any]: ...

        def print(self, lines: Iterable[str]) -> None:
            """Print lines on standard output."""

        def say(self, lines: Iterable[str]) -> None:
            """Print lines for a person at the prompt, which no ``expect`` compares."""

        def tell(self, line: str) -> None:
            """Say on standard error how a command went, in a verbose run."""

        def tell_news(self, line: str) -> None:
            """Say on standard error what has happened by itself."""

        def quote(self, text: str) -> str:
            """Return a text as it can stand in a message."""

        def path_of(self, name: str) -> str:
            """Return the path of a file that a line names, which is relative to the file that the line is
            in."""

        @property
        def keeps_no_files(self) -> bool:
            """Whether files that lines write are kept in memory, and go with the run."""

        def record(self, event: Event) -> None:
            """Add an event to the trace, if there is one."""

        @property
        def place(self) -> str:
            """The file and line being carried out, for messages."""

        @property
        def is_recorded(self) -> bool:
            """Whether there is a trace."""


class System:
    """What is under test in a run, as the commands of its family see it. A family derives its own from this.

    - ``stage``: the run; ``world``: where the nodes run;
    - ``is_in_doubt``: whether nodes may be connected otherwise than the map says, as a command was given up.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.world = stage.world
        self.is_in_doubt = False

    # What commands use.

    def ask(self, node: int, order: Message, kind: type[Answer]) -> Answer:
        """Give a node an order and return its answer; BadLine where it says that it can't."""
        return self.require(self.world.ask(node, order), kind)

    def require(self, answer: Message, kind: type[Answer]) -> Answer:
        """Return an answer of the kind that is due; BadLine where a node says that it can't."""
        if isinstance(answer, Failed):
            raise BadLine(f"it can't be done: {answer.why}")
        if not isinstance(answer, kind):
            raise BayouError(f"a node answered {answer!r}")
        return answer

    # What every run asks of its system.

    @property
    def nodes(self) -> list[int]:
        """The addresses of all nodes that are up."""
        raise NotImplementedError

    @property
    def is_fair(self) -> bool:
        """Whether no fault of connections is in force that keeps the nodes from coming to rest, but for those
        of the weather."""
        return True

    def look_round(self) -> None:
        """Take notice of what has happened by itself: nodes that have left, or crashed."""

    def unsettle(self) -> None:
        """A command was given up: the next one that waits for anything to rest waits for all."""

    # What a prompt, where commands are given up and a run goes on, asks beside: see bayou.families.prompting.

    def doubt(self) -> None:
        """A command was given up, or failed: something may be half done, and go on by itself."""
        self.is_in_doubt = True
        self.unsettle()

    def lose(self, node: int) -> None:
        """A node is gone without having been told to: forget it, as a family's own does, which knows how."""
        self.doubt()


if TYPE_CHECKING:

    class Commands(Protocol):
        """The module ``commands`` of a family."""

        COMMANDS: Mapping[str, Command]

        def open_system(self, stage: Stage) -> System:
            """Return the system of a new run, in which nothing has been started yet."""


def commands_of(family: Family) -> Commands:
    """Return the module with the commands of a family."""
    made: Commands = family.part("commands")
    return made
