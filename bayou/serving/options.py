"""What can be said to ``bayou serve``."""

from __future__ import annotations

import argparse

from bayou._arguments import add_functions, seconds
from bayou._statuses import EXIT_DAMAGED, EXIT_FAULT, EXIT_IN_USE, EXIT_IO, EXIT_LACKING
from bayou.net.address import parse
from bayou.node.settings import PARTNERS, Habits, Keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 7474
LISTEN = f"127.0.0.1:{PORT}"
MIN_FREE_BYTES = 64 << 20


def parser(prog: str) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    made = argparse.ArgumentParser(
        prog=prog,
        description="Be a server of a store that lasts: its replica is in one file, and it keeps up with "
        "all other "
        "servers of its cluster that it can reach. Ends in good order after Ctrl-C or SIGTERM.",
        epilog=f"exit status: 0 when it was ended in good order, 1 where it can't be begun, 2 on a wrong "
        "option, "
        f"{EXIT_DAMAGED} where FILE is damaged, or older than what this server has told others, {EXIT_FAULT} "
        f"where a function can't be carried out, {EXIT_IO} where something can't be made durable, "
        f"{EXIT_IN_USE} where another process uses FILE, {EXIT_LACKING} where a write in FILE calls a "
        "function that is not given.",
    )
    add = made.add_argument
    add(
        "--data",
        required=True,
        metavar="FILE",
        help="the file that the server is kept in; made where it is missing",
    )
    add(
        "--moved",
        action="store_true",
        help="FILE was moved here from elsewhere, and nothing runs, or will run, from where it was",
    )
    add(
        "--listen",
        type=_address(may_choose=True),
        default=parse(LISTEN),
        metavar="HOST:PORT",
        help=f"where to listen (default: {LISTEN}); [::]:{PORT} for all addresses of this machine",
    )
    add(
        "--advertise",
        type=_text_of_address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="where others find this server, if that is not where it listens; may be given several times",
    )
    add(
        "--join",
        type=_text_of_address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a server of the cluster to be part of; without it, a new FILE begins a new cluster. May be "
        "given several "
        "times, and at later starts, when it only says where to look first",
    )
    add(
        "--secret-file",
        metavar="FILE",
        help="what all of a cluster know (default: the file of --data and -secret)",
    )
    add("--tls-cert", metavar="FILE", help="encrypt, and show this certificate (PEM)")
    add("--tls-key", metavar="FILE", help="its key (PEM)")
    add("--tls-ca", metavar="FILE", help="the authority that has signed the certificates of all others (PEM)")
    add_functions(
        made,
        "general writes may call; without it, and without those that it lacks, no write is "
        "taken that calls them",
    )
    habits, keep = Habits(), Keep()
    add(
        "--period",
        type=seconds,
        default=habits.period_s,
        metavar="SECONDS",
        help=f"how often to pull from a partner, where nothing new is told (default: {habits.period_s:g})",
    )
    add(
        "--jitter",
        type=_share,
        default=habits.jitter,
        metavar="SHARE",
        help=f"by what part of that, at random, it may be more or less (default: {habits.jitter:g})",
    )
    add(
        "--partners",
        choices=PARTNERS,
        default=habits.partners,
        help=f"whom to pull from: one at random, each in turn, or all (default: {habits.partners})",
    )
    add(
        "--keep-writes",
        type=_count_or_all,
        default=keep.writes,
        metavar="N",
        help=f"how many committed writes to keep in the log, or all (default: {keep.writes:,})",
    )
    add(
        "--keep-s",
        type=_seconds_or_none,
        default=keep.age_s,
        metavar="SECONDS",
        help="how old a committed write has to be before it may go from the log (default: 0)",
    )
    add(
        "--keep-marks",
        type=_count,
        default=keep.marks,
        metavar="N",
        help=f"how many marks of deleted rows to keep (default: {keep.marks:,}, or a tenth of the rows)",
    )
    add(
        "--min-free",
        type=_count,
        default=MIN_FREE_BYTES,
        metavar="BYTES",
        help=f"with less room on the file system, take no writes (default: {MIN_FREE_BYTES}, which are 64 "
        "MiB)",
    )
    add(
        "--metrics",
        type=_address(may_choose=True),
        metavar="HOST:PORT",
        help="answer /metrics, /live and /ready there, over HTTP",
    )
    add(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="how to write what happens (default: text)",
    )
    add(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what to write on standard error (default: info)",
    )
    return made


def _address(*, may_choose: bool) -> Callable[[str], tuple[str, int]]:
    def read(text: str) -> tuple[str, int]:
        try:
            return parse(text, may_choose=may_choose)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _text_of_address(text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _share(text: str) -> float:
    return _number(text, 0.0, 1.0, "a share from 0 to 1")


def _seconds_or_none(text: str) -> float:
    return _number(text, 0.0, 1e9, "a number of seconds")


def _number(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _count_or_all(text: str) -> int | None:
    return None if text == "all" else _count(text)
