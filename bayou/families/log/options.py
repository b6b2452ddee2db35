"""The command-line options of families on a log. Whichever of them comes first adds what all have."""

from __future__ import annotations

from bayou.families.log.settings import LogSettings, plain_of, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

__all__ = ["add_options", "options_of", "settings_of"]


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of a log, unless they are there already."""
    from argparse import ArgumentError

    from bayou._arguments import seconds

    known = LogSettings()
    try:
        group.add_argument(
            "--heartbeat",
            type=seconds,
            default=known.heartbeat_s,
            metavar="SECONDS",
            help=f"how often a free-running leader of a chat, or of a lock service, is heard (default: "
            f"{known.heartbeat_s:g}); who hears none for five times as long tries to lead",
        )
    except ArgumentError:
        pass  # another family on a log has added it


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line asked for, as plain data for ``settings_of``."""
    heartbeat_s = given.heartbeat
    return plain_of(LogSettings(heartbeat_s, 5 * heartbeat_s, 2 * heartbeat_s))
