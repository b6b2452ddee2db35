"""The command-line options of chat."""

from __future__ import annotations

from bayou.families.log.settings import LogSettings, plain_of, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

__all__ = ["add_options", "options_of", "settings_of"]


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of a chat."""
    from bayou._arguments import seconds

    known = LogSettings()
    group.add_argument(
        "--heartbeat",
        type=seconds,
        default=known.heartbeat_s,
        metavar="SECONDS",
        help=f"how often a free-running leader of a chat is heard (default: {known.heartbeat_s:g}); who "
        "hears none for five times as long tries to lead",
    )


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line asked for, as plain data for ``settings_of``."""
    heartbeat_s = given.heartbeat
    return plain_of(LogSettings(heartbeat_s, 5 * heartbeat_s, 2 * heartbeat_s))
