"""What came of a rule."""

from __future__ import annotations

from dataclasses import dataclass, field

VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"


def overall(verdicts: dict[str, Verdict]) -> str:
    """Return ``invalid`` where one rule is, else ``unknown`` where nothing was looked at, or a rule
    could not be judged for a reason that can be mended, else ``valid``."""
    words = {verdict.word for verdict in verdicts.values()}
    if INVALID in words or (UNKNOWN in words and any(verdict.untold for verdict in verdicts.values())):
        return INVALID if INVALID in words else UNKNOWN
    return VALID if VALID in words else UNKNOWN


@dataclass
class Verdict:
    """What came of one rule: how often it was looked at, what breaks it (event number, text), and why part of
    it could not be looked at, empty where all was."""

    looked: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)
    untold: str = ""

    @property
    def word(self) -> str:
        """``valid``, ``invalid``, or ``unknown`` where nothing was there to be judged, or not all could
        be."""
        return INVALID if self.broken else VALID if self.looked and not self.untold else UNKNOWN

    def fails(self, holds: bool) -> bool:
        """Count a look; return whether the rule is broken there."""
        self.looked += 1
        return not holds

    def blame(self, at: int, why: str) -> None:
        """Say what breaks the rule, and at which event."""
        self.broken.append((at, why))
