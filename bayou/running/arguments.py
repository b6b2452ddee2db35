"""The options that runs have in common."""

from __future__ import annotations

import argparse

from bayou._arguments import seconds
from bayou.families.log.fields import MILLISECONDS_MAX, RATE_MAX, parse_amount, parse_whole
from bayou.families.log.settings import SECONDS_MAX, SECONDS_MIN, LogSettings
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_S = 0.2
HEARTBEATS_OF_A_TIMEOUT = 2
HEARTBEATS_OF_AN_ELECTION = 5


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that all runs have."""
    parser.add_argument(
        "--timeout",
        type=timeout,
        default=None,
        metavar="S",
        help=f"after how many seconds a client asks again (default: {TIMEOUT_S:g}); servers send again what "
        "is unanswered after half of it, and elect a leader when they hear none for five such halves",
    )
    parser.add_argument(
        "--world",
        choices=("processes", "sim"),
        default="processes",
        help="real processes over TCP (the default), or simulated in one process",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="the seed of the simulated world, where the same one gives the same bytes, and of what befalls "
        "messages between processes (default: 0)",
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="for how long nothing may move before the run ends with exit status 3 (default: 30)",
    )
    parser.add_argument("--verbose", action="store_true", help="tell on standard error what happens")


def add_rate(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    """Add an option for the probability of a fault."""
    parser.add_argument(
        name,
        type=rate,
        default=None,
        metavar="P",
        help=f"the probability with which each message {what}, from 0 to {RATE_MAX:g} (default: 0)",
    )


def rate(text: str) -> float:
    """Read the probability of a fault; ArgumentTypeError for anything else."""
    return _amount(text, RATE_MAX)


def milliseconds(text: str) -> float:
    """Read a delay in milliseconds; ArgumentTypeError for anything else."""
    return _amount(text, MILLISECONDS_MAX)


def _amount(text: str, most: float) -> float:
    try:
        return parse_amount(text, most)
    except BadLine as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def timeout(text: str) -> float:
    """Read a time-out in seconds, from which all others can be made; ArgumentTypeError for anything else."""
    value = seconds(text)
    least = SECONDS_MIN * HEARTBEATS_OF_A_TIMEOUT
    most = SECONDS_MAX * HEARTBEATS_OF_A_TIMEOUT / HEARTBEATS_OF_AN_ELECTION
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {most:g} seconds")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` to ``most``, and raises ArgumentTypeError for anything
    else."""

    def read(text: str) -> int:
        try:
            value = parse_whole(text)
        except BadLine:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most:,}")
        return value

    return read


def settings_for(timeout_s: float) -> LogSettings:
    """Return the times of a log whose clients ask again after so many seconds."""
    heartbeat_s = timeout_s / HEARTBEATS_OF_A_TIMEOUT
    return LogSettings(heartbeat_s, HEARTBEATS_OF_AN_ELECTION * heartbeat_s, timeout_s)
