"""Which of two things that clients did or heard certainly came first.

In a trace of a simulated world events stand in the order in which they happened. In one of processes they
stand in the order in which the master heard of them, and each bears the wall clock of its node (``t``), which
all nodes of a machine share. Neither says for certain what came first: something may have been heard late,
and a clock may have been set back. What both say is taken for certain. So each event gets two numbers: its
latest moment, the highest clock of all events up to it, and its earliest one, the lowest of all from it on;
one came before another where its latest moment is below the other's earliest one.
"""

from __future__ import annotations

from bayou.check.history import HistoryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Event = dict[str, Any]

LATEST_S = 1e12
TICKS = 1_000_000
"""How many there are in a second: clocks are told in millionths."""


class Moments:
    """The moments of some of the events of a trace, by number (from 1 on)."""

    def __init__(self, events: Sequence[Event], numbers: Iterable[int], *, is_in_order: bool) -> None:
        """``numbers``: of the events in question, growing; ``is_in_order``: whether the events stand in the
        order in which they happened. HistoryError where one has no clock that is needed."""
        chosen = list(numbers)
        self._latest: dict[int, int] = {}
        self._earliest: dict[int, int] = {}
        if is_in_order:
            self._latest = self._earliest = {number: number for number in chosen}
            return
        clocks = {number: _clock(number, events[number - 1]) for number in chosen}
        latest = -1
        for number in chosen:
            latest = self._latest[number] = max(latest, clocks[number])
        earliest = latest
        for number in reversed(chosen):
            earliest = self._earliest[number] = min(earliest, clocks[number])

    def latest(self, number: int) -> int:
        """Return the moment at which this event has certainly happened."""
        return self._latest[number]

    def earliest(self, number: int) -> int:
        """Return the moment before which this event has certainly not happened."""
        return self._earliest[number]

    def is_before(self, first: int, second: int) -> bool:
        """Whether the one event certainly came before the other."""
        return self._latest[first] < self._earliest[second]


def _clock(number: int, event: Event) -> int:
    t = event.get("t")
    if not isinstance(t, int | float) or isinstance(t, bool) or not 0 <= t < LATEST_S:
        raise HistoryError(f"event {number} does not say when it happened")
    return round(t * TICKS)
