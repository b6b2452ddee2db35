"""What ``expect`` compares: the lines that a command printed, one after another."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable
else:
    from _collections import deque  # the C half: see docs/decisions/0002-start-time.md


class Expectations:
    """Lines printed by the last command, and how far they have been met.

    ``failures`` counts what was told; a line is expected once the first ``expect`` follows a command, and
    from then on all that it printed has to be.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        """``tell`` takes complaints."""
        self.failures = 0
        self._tell = tell
        self._printed: deque[str] = deque()
        self._source: tuple[str, str | bytes] = ("", "nothing")
        self._begun = False

    def begin(self, place: str, what: str | bytes) -> None:
        """A command begins, at that place: all that the one before it printed should have been met."""
        if self._begun or self._printed:
            self.end()
        self._source = place, what

    def end(self) -> None:
        """Complain about what was printed beyond what was expected, and forget the command."""
        if self._begun and self._printed:
            count = len(self._printed)
            more = "a line" if count == 1 else f"{count} lines"
            self._fail(
                f"{self._name_source()} printed {more} more than was expected, first {self._printed[0]!r}"
            )
        self._printed.clear()
        self._begun = False

    def printed(self, lines: Iterable[str]) -> None:
        """The command has printed these lines."""
        self._printed.extend(lines)

    def meet(self, text: str) -> None:
        """Compare the next line with a text; empty stands for no line."""
        self._begun = True
        line = self._printed.popleft() if self._printed else ""
        if line.split() != text.split():
            shown = f"printed {line!r}" if line else "printed nothing more"
            self._fail(f"expected {text!r}, but {self._name_source()} {shown}")

    def _name_source(self) -> str:
        from bayou._quoting import shorten  # only where there is something to say

        place, what = self._source
        said = what if isinstance(what, str) else shorten(what.decode("utf-8", "surrogateescape"))
        return f"{place}, {said},"

    def _fail(self, why: str) -> None:
        self.failures += 1
        self._tell(why)
