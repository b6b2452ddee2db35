"""Cuts a failing scenario down to the fewest lines that still fail in the same way."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TRIALS_MAX = 3000


def shrink(lines: Sequence[str], still_fails: Callable[[list[str]], bool]) -> list[str]:
    """Return lines of which none can be left out without the failure going away.

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
            break
    return kept
