"""Accept stamps."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


STEP_MAX = 1 << 32
"""By how much the stamp of a write may be ahead of the largest one seen. Logical clocks are never ahead by
more than one: whatever a server had seen when it gave a stamp reaches others before the write that bears the
stamp. This leaves room for mistakes, and yet a single write can't use up the numbers that there are."""

CENTURY_US = 100 * 366 * 24 * 3600 * 1_000_000
"""By how much a stamp that is a time may be ahead of the wall clock here, which may be wrong by decades
where a machine lost its battery."""

BEGINNING_MAX = 1 << 61
"""The largest stamp at which a logical clock begins."""


class LogicalClock:
    """Gives stamps one larger than the largest seen, so that a scenario has the same stamps on every run.

    ``now`` is the largest stamp seen so far, 0 at first.
    """

    __slots__ = ("now",)

    def __init__(self, now: int = 0) -> None:
        self.now = now

    def next(self) -> int:
        """Return a fresh stamp, larger than every stamp given or seen."""
        self.now += 1
        return self.now

    @property
    def latest(self) -> int:
        """The largest stamp that another server can have given by now, if all is well with it."""
        return self.now + STEP_MAX

    @property
    def beginning_max(self) -> int:
        """The largest stamp that a new server accepts in its own creation write, the first write it sees."""
        return BEGINNING_MAX

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

    @property
    def latest(self) -> int:
        return max(self.now + STEP_MAX, self._wall_us() + CENTURY_US)

    @property
    def beginning_max(self) -> int:
        return self._wall_us() + CENTURY_US
