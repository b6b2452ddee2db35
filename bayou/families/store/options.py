"""The command-line options of the store."""

from __future__ import annotations

from bayou.families.store.settings import StoreSettings, plain_of
from bayou.node.session import parse_guarantees
from bayou.node.settings import PARTNERS, Habits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

DEFAULTS = Habits()


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of the store."""
    from bayou._arguments import add_functions, seconds

    group.add_argument(
        "--guarantees",
        type=_guarantees,
        default="all",
        metavar="LIST",
        help="the session guarantees of all clients, from RYW,MR,WFR,MW, or all (the default), or none",
    )
    group.add_argument(
        "--gossip-period",
        type=seconds,
        default=DEFAULTS.period_s,
        metavar="SECONDS",
        help=f"how often a free-running server pulls from a partner (default: {DEFAULTS.period_s:g})",
    )
    group.add_argument(
        "--partners",
        choices=PARTNERS,
        default=DEFAULTS.partners,
        help="whom from: one at random (the default), each in turn, all",
    )
    add_functions(
        group, "general writes may call, relative to the working directory; every server of the run loads it"
    )
    group.add_argument(
        "--leader",
        type=int,
        default=0,
        metavar="N",
        help="which member of a commit group leads in lock-step, in the order of ids; nothing that is "
        "printed depends on it (default: 0, the first)",
    )
    group.add_argument(
        "--data",
        default="",
        metavar="DIR",
        help="keep the files of servers in this directory, which is made, or has none yet (with "
        "processes, and "
        "without --trace and --check)",
    )


def _guarantees(text: str) -> str:
    import argparse

    try:
        parse_guarantees(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line asked for, as plain data for ``settings_of``."""
    habits = Habits(given.gossip_period, partners=given.partners)
    return plain_of(
        StoreSettings(
            parse_guarantees(given.guarantees),
            habits,
            data=given.data,
            functions=given.functions,
            leader=given.leader,
        )
    )


def settings_of(plain: Mapping[str, Any]) -> StoreSettings:
    """Read settings from plain data; what is left out is as by default. ValueError or TypeError, which says
    why, where it is none."""
    if not plain:
        return StoreSettings()
    from bayou.families.store.reading import read_settings  # for traces, and whoever asks for something else

    return read_settings(plain)
