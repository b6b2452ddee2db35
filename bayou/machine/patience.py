"""How long to wait for an answer before a message is sent again."""

from __future__ import annotations

LONGEST = 32
"""By how much patience grows at most."""


class Patience:
    """Says how long to wait: twice as long after each time in vain, so that an answer that takes long comes
    at last before it is asked for again; after any answer as long as at first."""

    __slots__ = ("_factor", "_first_s")

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self._factor = 1

    def take(self) -> float:
        """Return how many seconds to wait now, and be more patient next time."""
        seconds = self._first_s * self._factor
        self._factor = min(LONGEST, 2 * self._factor)
        return seconds

    def renew(self) -> None:
        """Something came."""
        self._factor = 1
