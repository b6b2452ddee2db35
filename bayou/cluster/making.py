"""``bayou chat config``: writes the configuration of a new cluster, and its secret."""

from __future__ import annotations

import argparse
import sys

from bayou._statuses import EXIT_FAILED
from bayou.cluster.config import (
    LOSS_MAX,
    PORT,
    PORT_MAX,
    SECONDS_MAX,
    SECONDS_MIN,
    SERVERS_MAX,
    TIMEOUT_S,
    Place,
    secret_path,
    text_of,
    write_new,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAILURES_MAX = (SERVERS_MAX - 1) // 2


def make(arguments: Sequence[str], prog: str = "bayou chat config") -> int:
    """Write a configuration; status 1 where that can't be done, 2 for a wrong option."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Write the configuration of a new chat, which can be edited, and its secret, into "
        "FILE-secret, which goes with it to other hosts.",
        epilog="exit status: 0 when both are written, 1 where they can't be, 2 on a wrong option.",
    )
    parser.add_argument(
        "-f",
        type=_whole(0, FAILURES_MAX),
        default=1,
        metavar="F",
        help="how many servers may be down at a time: there will be 2F+1 (default: 1)",
    )
    parser.add_argument(
        "-o", default="cluster.json", metavar="FILE", help="where to write it (default: cluster.json)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the host of all servers (default: 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=_whole(1, PORT_MAX),
        default=PORT,
        help=f"the port of server 0; the others have the next ones (default: {PORT})",
    )
    parser.add_argument(
        "--loss",
        type=_decimal(0, LOSS_MAX),
        default=0.0,
        metavar="P",
        help=f"with which probability each message gets lost, on purpose, up to {LOSS_MAX} (default: 0)",
    )
    parser.add_argument(
        "--timeout",
        type=_decimal(SECONDS_MIN, SECONDS_MAX),
        default=TIMEOUT_S,
        metavar="S",
        help="after how many seconds a client asks again; half of it is the heartbeat of a leader, and five "
        f"heartbeats make an election time-out (default: {TIMEOUT_S})",
    )
    parser.add_argument(
        "--election",
        type=_decimal(SECONDS_MIN, SECONDS_MAX),
        metavar="S",
        help="after how many seconds without a leader servers try to lead, at the earliest",
    )
    parser.add_argument("--force", action="store_true", help="replace the files where they are there")
    options = parser.parse_args(arguments)
    count = 2 * options.f + 1
    if options.port + count - 1 > PORT_MAX:
        parser.error(f"{count} servers from port {options.port} on end beyond port {PORT_MAX}")
    if options.election is not None and options.election < options.timeout:
        parser.error("--election has to be --timeout at least, which is two heartbeats")
    places = [Place(options.host, options.port + id) for id in range(count)]
    text = text_of(places, loss=options.loss, timeout_s=options.timeout, election_s=options.election)
    try:
        write_new(options.o, text, replaces=options.force)
    except FileExistsError as error:
        print(f"{prog}: {error.filename} is there already; --force replaces it", file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:
        print(f"{prog}: {error.filename or options.o} can't be written: {error.strerror}", file=sys.stderr)
        return EXIT_FAILED
    print(f"{options.o}: {count} servers; {secret_path(options.o)}: the secret that lets them in")
    return 0


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return read


def _decimal(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
        return value

    return read
