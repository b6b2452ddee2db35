"""Bugs of one's own, for ``bayou explore --plant``."""

from __future__ import annotations

from bayou.families.planting import Patch
from bayou.node.session import Session

NO_FUNCTION = 5


def forgetful(patch: Patch) -> None:
    """A session forgets what it has written."""
    patch.setattr(Session, "has_written", lambda self, stamp, server: None)


def takes_nothing() -> None:
    """Takes no Patch."""


def changes_what_is_not_there(patch: Patch) -> None:
    """Names an attribute that there is not."""
    patch.setattr(Session, "has_flown", None)
