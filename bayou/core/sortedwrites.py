"""A sorted run of writes: a plain list while it is short, a SortedList beyond."""

from __future__ import annotations

from _bisect import bisect_left  # the C half of bisect: see docs/decisions/0002-start-time.md
from _bisect import insort_right as insort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sortedcontainers import SortedList

    from bayou.core.write import Write

SHORT = 1000
"""Up to this many writes stay in a plain list, as in one leaf of a SortedList: a move within it costs
less than anything cleverer, and a short scenario need not pay for the import of sortedcontainers."""


class SortedWrites:
    """Writes in accept order. Adding and removing anywhere cost O(log n), the last one O(1)."""

    __slots__ = ("_long", "_short", "short_max")

    def __init__(self, writes: Iterable[Write] = (), *, short_max: int = SHORT) -> None:
        """Start with ``writes``, in any order; ``short_max`` is the length kept in a plain list."""
        self._short: list[Write] = sorted(writes)
        self._long: SortedList[Write] | None = None
        self.short_max = short_max
        self._grow()

    def _grow(self) -> None:
        if self._long is None and len(self._short) > self.short_max:
            from sortedcontainers import SortedList

            self._long = SortedList(self._short)
            self._short = []

    def add(self, write: Write) -> None:
        """Put one write in its place."""
        long = self._long
        if long is not None:
            long.add(write)
            return
        short = self._short
        if not short or short[-1] < write:
            short.append(write)
        else:
            insort(short, write)
        if len(short) > self.short_max:
            self._grow()

    def remove(self, write: Write) -> None:
        """Take one write out; ValueError where it is not here."""
        if self._long is not None:
            self._long.remove(write)
            return
        short = self._short
        at = bisect_left(short, write)
        if at == len(short) or short[at] != write:
            raise ValueError(f"{write!r} is not here")
        del short[at]

    @property
    def last(self) -> Write:
        """The last write in accept order; IndexError where there is none."""
        return self._short[-1] if self._long is None else self._long[-1]

    def __iter__(self) -> Iterator[Write]:
        return iter(self._short if self._long is None else self._long)

    def __len__(self) -> int:
        return len(self._short) if self._long is None else len(self._long)

    def page(self, start: int, count: int) -> list[Write]:
        """Return up to ``count`` writes from position ``start`` on."""
        if self._long is None:
            return self._short[start : start + count]
        return list(self._long.islice(start, start + count))

    def take_all(self) -> list[Write]:
        """Return all writes in order, leaving none."""
        writes = list(self)
        self._short = []
        self._long = None
        return writes
