"""The command-line options of locks: none of its own."""

from __future__ import annotations

from bayou.families.log.settings import settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

__all__ = ["add_options", "options_of", "settings_of"]


def add_options(group: argparse._ArgumentGroup) -> None:
    """There is nothing to be set on the command line."""


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line asked for, as plain data for ``settings_of``."""
    return {}
