"""Accept stamps."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class LogicalClock:
    """Gives stamps one larger than the largest seen (spec of scenarios: the same stamps on every run).

    ``now`` is the largest stamp seen so far, 0 at first.
    """

    __slots__ = ("now",)

    def __init__(self, now: int = 0) -> None:
        self.now = now

    def next(self) -> int:
        """Return a fresh stamp, larger than every stamp given or seen."""
        self.now += 1
        return self.now

    def saw(self, stamp: int) -> None:
        """Take notice of a stamp that another server gave."""
        if stamp > self.now:
            self.now = stamp


class HybridClock(LogicalClock):
    """Gives stamps that are times too: the wall clock's, or one more than the largest stamp seen where
    that is larger. So stamps never go back, whatever the wall clock does, and stay close to it where the
    clocks of all servers are close to each other.

    >>> clock = HybridClock(lambda: 1000)
    >>> clock.next(), clock.next()
    (1000, 1001)
    """

    __slots__ = ("_wall_us",)

    def __init__(self, wall_us: Callable[[], int]) -> None:
        """``wall_us`` tells the wall clock's time in microseconds, since a moment common to all servers."""
        super().__init__()
        self._wall_us = wall_us

    def next(self) -> int:
        """Return a fresh stamp, larger than every stamp given or seen."""
        self.now = max(self.now + 1, self._wall_us())
        return self.now
