"""What can go wrong in the pure rooms, and the one helper that states invariants."""

from __future__ import annotations


class BayouError(Exception):
    """Base of all errors that this package raises on purpose."""


class InvariantBroken(BayouError):
    """A promise of our own code does not hold: always a bug, never bad input."""


class Misuse(BayouError):
    """A caller asked for something that the object can't do in its present state."""


class PeerError(BayouError):
    """The other side broke the protocol. What came before stays; the connection to it is dropped."""


def require(condition: object, message: str) -> None:
    """Raise InvariantBroken with ``message`` unless ``condition`` holds.

    Used instead of ``assert``, which ``python -O`` drops.
    """
    if not condition:
        raise InvariantBroken(message)
