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


class TurnedDown(BayouError):
    """A general write can't be accepted here, for a reason that lies with it. Nothing has changed."""


class MissingFunction(BayouError):
    """A function, or a version of it, that this server does not have. What came before stays."""

    def __init__(self, function: str, version: int) -> None:
        self.function = function
        self.version = version
        super().__init__(
            f"the function {function} {version} is missing here: start the server with it (--functions FILE)"
        )


class FunctionFault(BayouError):
    """A function could not be carried out, for a reason that lies with this server: that is no outcome, and
    the step that it belongs to is broken off in the middle. Nothing is to be done with the server any
    more."""

    def __init__(self, function: str, version: int, why: str, write: str = "a write") -> None:
        self.function = function
        self.version = version
        self.why = why
        super().__init__(
            f"the function {function} {version} could not be carried out for {write}: {why}; see that it has "
            "what it needs here (memory, time, files, imports) and start the server again, which executes "
            "the write anew"
        )

    def of(self, write: str) -> FunctionFault:
        """Return the same, of that write."""
        return FunctionFault(self.function, self.version, self.why, write)


class TookTooLong(BaseException):
    """Raised within a function that has run for too long, by whoever guards it. No Exception, so that the
    function does not take it for one of its own."""


def require(condition: object, message: str) -> None:
    """Raise InvariantBroken with ``message`` unless ``condition`` holds.

    Used instead of ``assert``, which ``python -O`` drops.
    """
    if not condition:
        raise InvariantBroken(message)
