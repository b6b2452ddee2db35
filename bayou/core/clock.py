"""Accept stamps."""

from __future__ import annotations


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
