"""The one option of a ring, and what a run of it is set to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

RETRY_S = 0.1


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of a ring."""
    group.add_argument(
        "--ring-retry", type=float, default=RETRY_S, metavar="SECONDS", help="when to pass it on again"
    )


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line asked for, as plain data."""
    return {"retry_s": given.ring_retry}


def settings_of(plain: Mapping[str, Any]) -> float:
    """Read plain data; ValueError where it is none of ours."""
    retry_s = plain.get("retry_s", RETRY_S)
    if type(retry_s) is not float or not 0.001 <= retry_s <= 1000:
        raise ValueError("retry_s is a number of seconds from 0.001 to 1000")
    return retry_s
