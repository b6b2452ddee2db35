"""A sorted run of writes: a plain list while it is short, a SortedList beyond."""

from __future__ import annotations

from _bisect import bisect_left  # the C half of bisect: see docs/decisions/0002-start-time.md
from _bisect import insort_right as insort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeVar, Union

    from sortedcontainers import SortedList

    from bayou.core.name import Name
    from bayou.core.write import Write

    Place = tuple[int, Name]
    """A place in accept order: the stamp and server of the write that stands there. Tuples compare as far as
    they go, so a place comes right before its write."""

    Key = TypeVar("Key")
    Run = Union[Write, "SortedWrites"]  # noqa: UP007  # the class comes below

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

    @property
    def first(self) -> Write:
        """The first write in accept order; IndexError where there is none."""
        return self._short[0] if self._long is None else self._long[0]

    def before(self, place: Place) -> Write | None:
        """Return the last write that stands before a place, or None."""
        run: Any = self._short if self._long is None else self._long
        at = bisect_left(run, place) if self._long is None else run.bisect_left(place)
        return run[at - 1] if at else None

    def after(self, place: Place) -> Write | None:
        """Return the first write that stands behind a place, or None."""
        found = self.between(place, None, 1)
        return found[0] if found else None

    def between(self, low: Place | None, high: Place | None, count: int | None = None) -> list[Write]:
        """Return the writes behind the place ``low`` (None: from the first on), up to ``high`` and the one
        that stands there (None: to the last): up to ``count`` of them."""
        start = 0 if low is None else self._behind(low)
        stop = len(self) if high is None else self._behind(high)
        if count is not None:
            stop = min(stop, start + count)
        run: Any = self._short if self._long is None else self._long
        return list(run[start:stop])

    def _behind(self, place: Place) -> int:
        """Return the index of the first write behind a place."""
        run: Any = self._short if self._long is None else self._long
        at: int = bisect_left(run, place) if self._long is None else run.bisect_left(place)
        return at + 1 if at < len(run) and run[at][:2] == place else at

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


# Many runs have one write: those in a dict become SortedWrites with the second one.


def add_to(runs: dict[Key, Run], key: Key, write: Write, short_max: int = SHORT) -> None:
    """Put a write into the run of that key."""
    run = runs.setdefault(key, write)
    if isinstance(run, SortedWrites):
        run.add(write)
    elif run is not write:
        runs[key] = SortedWrites((run, write), short_max=short_max)


def take_from(runs: dict[Key, Run], key: Key, write: Write) -> None:
    """Take a write out of the run of that key, which goes with its last one; ValueError where it is not
    there."""
    run = runs[key]
    if isinstance(run, SortedWrites):
        run.remove(write)
        if not run:
            del runs[key]
    elif run != write:
        raise ValueError(f"{write!r} is not here")
    else:
        del runs[key]


def before(run: Run | None, place: Place) -> Write | None:
    """Return the last write of a run that stands before a place."""
    if isinstance(run, SortedWrites):
        return run.before(place)
    return run if run is not None and run < place else None


def after(run: Run | None, place: Place) -> Write | None:
    """Return the first write of a run that stands behind a place."""
    if isinstance(run, SortedWrites):
        return run.after(place)
    return run if run is not None and run[:2] > place else None


def between(run: Run | None, low: Place | None, high: Place | None) -> list[Write]:
    """As for SortedWrites."""
    if isinstance(run, SortedWrites):
        return run.between(low, high)
    is_there = run is not None and (low is None or run[:2] > low) and (high is None or run[:2] <= high)
    return [run] if is_there else []  # type: ignore[list-item]
