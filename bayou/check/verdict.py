"""What came of a rule."""

from __future__ import annotations

from dataclasses import dataclass, field

VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"


def overall(verdicts: dict[str, Verdict]) -> str:
    """Return ``invalid`` where one rule is, else ``unknown`` where nothing was looked at, else ``valid``."""
    words = {verdict.word for verdict in verdicts.values()}
    return INVALID if INVALID in words else VALID if VALID in words else UNKNOWN


@dataclass
class Verdict:
    """What came of one rule: how often it was looked at, and what breaks it (event number, text)."""

    looked: int = 0
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def word(self) -> str:
        """``valid``, ``invalid``, or ``unknown`` where nothing was there to be judged."""
        return INVALID if self.broken else VALID if self.looked else UNKNOWN

    def fails(self, holds: bool) -> bool:
        """Count a look; return whether the rule is broken there."""
        self.looked += 1
        return not holds

    def blame(self, at: int, why: str) -> None:
        """Say what breaks the rule, and at which event."""
        self.broken.append((at, why))
