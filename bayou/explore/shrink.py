"""Cuts a failing scenario down to the fewest lines that still fail in the same way."""

from __future__ import annotations

from itertools import combinations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TRIALS_MAX = 3000
SHORT = 18
"""Up to how many lines it is worth to try and leave out any three."""


def shrink(lines: Sequence[str], still_fails: Callable[[list[str]], bool]) -> list[str]:
    """Return lines of which no two (three, where they are few) can be left out with the failure remaining.

    ``still_fails`` runs some lines and tells whether they fail as the whole did. Leaves out ever smaller
    pieces (Zeller's ddmin), at most TRIALS_MAX times.
    """
    kept = list(lines)
    size, trials = max(1, len(kept) // 2), 0
    while trials < TRIALS_MAX:
        at, shorter = 0, False
        while at < len(kept) and trials < TRIALS_MAX:
            without = kept[:at] + kept[at + size :]
            trials += 1
            if without and still_fails(without):
                kept, shorter = without, True
            else:
                at += size
        if size > 1:
            size //= 2
        elif not shorter:
            fewer = None
            for fewer_still in _without_some(kept):
                trials += 1
                if still_fails(fewer_still):
                    fewer = fewer_still
                if fewer is not None or trials >= TRIALS_MAX:
                    break
            if fewer is None:
                break
            kept = fewer
    return kept


def _without_some(lines: list[str]) -> Iterator[list[str]]:
    """Give out the lines without two or three of them, none of which can be left out alone."""
    for count in (2, 3) if len(lines) <= SHORT else (2,):
        for left_out in combinations(range(len(lines)), count if count < len(lines) else 0):
            if left_out:
                yield [line for at, line in enumerate(lines) if at not in left_out]
