"""What the system under test is offered in a run without a scenario."""

from __future__ import annotations

from bayou.script.console import complain, to_bytes, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from bayou.trace.file import Event
    from bayou.worlds.world import World


class RunStage:
    """A stage (bayou.families.family.Stage) whose nodes are left to themselves. ``record`` takes the events
    of a trace, None for no trace."""

    free_running = True
    keeps_no_files = False
    place = "run"

    def __init__(
        self,
        world: World,
        *,
        write: Callable[[bytes], None] = lambda data: write_all(1, data),
        tell: Callable[[str], None] = complain,
        verbose: bool = False,
        options: Mapping[str, Any] | None = None,
        record: Callable[[Event], None] | None = None,
    ) -> None:
        self.world = world
        self.options: Mapping[str, Any] = options or {}
        self._write = write
        self._tell = tell
        self._is_verbose = verbose
        self._record = record

    def print(self, lines: Iterable[str]) -> None:
        """Print lines on standard output, at once."""
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self._write(to_bytes(text))

    say = print

    def tell(self, line: str) -> None:
        """Say on standard error how things go, in a verbose run."""
        if self._is_verbose:
            self._tell(line)

    def tell_news(self, line: str) -> None:
        """Say on standard error what a user has to know."""
        self._tell(line)

    def quote(self, text: str) -> str:
        """Return a text as it can stand in a message."""
        from bayou._quoting import shorten

        return shorten(text)

    def path_of(self, name: str) -> str:
        """Return the path of a file: relative to the working directory."""
        return name

    def record(self, event: Event) -> None:
        """Add an event to the trace, if there is one."""
        if self._record is not None:
            self._record(event)

    @property
    def is_recorded(self) -> bool:
        return self._record is not None
