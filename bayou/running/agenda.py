"""What is to be done when, in a run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Agenda:
    """What is to be done at a time, in seconds; what is due at the same time, in the order in which it was
    put down."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def put(self, at_s: float, do: Callable[[], None]) -> None:
        """Have something done at that time."""
        self._count += 1
        self._entries.append((at_s, self._count, do))
        self._entries.sort(key=lambda entry: entry[:2])

    def next_at_s(self) -> float | None:
        """Return when something is due next, None for never."""
        return self._entries[0][0] if self._entries else None

    def do_what_is_due(self, now_s: float) -> bool:
        """Do all that is due by now; return whether there was anything."""
        did = False
        while self._entries and self._entries[0][0] <= now_s:
            self._entries.pop(0)[2]()
            did = True
        return did
