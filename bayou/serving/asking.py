"""``bayou stats``, ``bayou position`` and ``bayou retire``: what is asked of a server that runs."""

from __future__ import annotations

import argparse
import sys

from bayou._arguments import add_functions, seconds
from bayou._statuses import EXIT_FAILED
from bayou.core.errors import BayouError
from bayou.host.caller import Caller, CallFailed
from bayou.host.messages import AskPosition, AskRetire, AskStats, Denied, Granted, Position, Told
from bayou.host.secrets import read_secrets
from bayou.host.stats import group_lines
from bayou.net.address import parse
from bayou.serving.rows import is_address
from bayou.storage.store import StorageError
from bayou.wire.exports import position_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayou.machine.messages import Message
    from bayou.net.address import Address
    from bayou.net.tls import Tls

WITHIN_S = 10.0
RETIRE_S = 60.0


def stats(arguments: Sequence[str], prog: str = "bayou stats") -> int:
    """Print what a server tells of itself; return the exit status."""
    about = (
        "Print what a server tells of itself, a line a fact: one that runs, or the file of one that does not."
    )
    options = _parser(prog, about, WITHIN_S, or_file=True).parse_args(arguments)
    return _run(options, AskStats(1))


def position(arguments: Sequence[str], prog: str = "bayou position") -> int:
    """Print where a server stands; return the exit status."""
    about = (
        "Print where a server stands: its CSN, and its vector, a server a line; one that runs, or the "
        "file of "
        "one that does not."
    )
    options = _parser(prog, about, WITHIN_S, or_file=True).parse_args(arguments)
    return _run(options, AskPosition(1))


def retire(arguments: Sequence[str], prog: str = "bayou retire") -> int:
    """Let a server leave for good; return the exit status."""
    about = (
        "Let a server leave its cluster for good: others take over all that it has, then it ends. "
        "Its file is kept, as FILE.retired."
    )
    parser = _parser(prog, about, RETIRE_S)
    return _run(parser.parse_args(arguments), AskRetire(1))


def _parser(prog: str, about: str, within_s: float, *, or_file: bool = False) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=about,
        epilog="exit status: 0 when the server has answered, 1 where it can't be reached or refuses, "
        "2 on a wrong option"
        + (
            "; of a file also 65 where it is damaged, 74 where the disk fails, 75 while it is in use."
            if or_file
            else "."
        ),
    )
    add = parser.add_argument
    if or_file:
        add("server", metavar="(FILE | HOST:PORT)", help="its file, or where it listens")
        add("--secret-file", metavar="FILE", help="the secret of its cluster; a FILE needs none")
        add_functions(parser, "writes in FILE call, where they do (a server that runs has its own)")
    else:
        add("server", type=address_of, metavar="HOST:PORT", help="where the server listens")
    ask_arguments(add, within_s, or_file=or_file)
    return parser


def ask_arguments(add: Callable[..., object], within_s: float, *, or_file: bool = False) -> None:
    """Add what every question to a server takes: its secret, encryption, and for how long to wait."""
    if not or_file:
        add("--secret-file", required=True, metavar="FILE", help="the secret of its cluster")
    add("--tls-cert", metavar="FILE", help="encrypt, and show this certificate (PEM)")
    add("--tls-key", metavar="FILE", help="its key (PEM)")
    add("--tls-ca", metavar="FILE", help="the authority that has signed the server's certificate (PEM)")
    add(
        "--within",
        type=seconds,
        default=within_s,
        metavar="SECONDS",
        help=f"how long to wait for the answer (default: {within_s:g})",
    )


def address_of(text: str) -> Address:
    """Return the address that a text names; for argparse."""
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(options: argparse.Namespace, asked: AskStats | AskPosition | AskRetire) -> int:
    try:
        if isinstance(options.server, str):
            if not is_address(options.server):
                is_position = isinstance(asked, AskPosition)
                return _of_file(options.server, options.functions, is_position=is_position)
            options.server = parse(options.server)
            if options.secret_file is None:
                raise CallFailed("--secret-file: the secret of the server's cluster is needed to reach it")
        secret = read_secrets(options.secret_file)[0]
        with Caller(options.server, secret, tls=tls_of(options), within_s=options.within) as caller:
            answer = caller.ask(asked, _is_answer, options.within)
    except StorageError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except (BayouError, ValueError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    if isinstance(answer, Denied):
        print(answer.why, file=sys.stderr)
        return EXIT_FAILED
    for line in _lines(answer):
        print(line)
    return 0


def tls_of(options: argparse.Namespace) -> Tls | None:
    """Return how to encrypt, None for not at all. CallFailed where something is missing."""
    files = options.tls_cert, options.tls_key, options.tls_ca
    if not any(files):
        return None
    if not all(files):
        raise CallFailed("--tls-cert, --tls-key and --tls-ca belong together")
    from bayou.net.tls import Tls  # milliseconds, and not always needed

    return Tls(*files)


def _of_file(path: str, functions: str, *, is_position: bool) -> int:
    """Print what the file of a server tells that does not run."""
    import os

    from bayou.host.offline import Offline

    if not os.path.exists(path):
        raise CallFailed(f"{path}: there is no such file")
    with Offline(path, functions=functions) as server:
        replica, home = server.replica, server.home
        if is_position:
            print(position_text(replica.csn, replica.vector))
            return 0
        lines = {
            "name": replica.name,
            "cluster": home.cluster,
            "file": home.place,
            "starts": home.starts,
            "csn": replica.csn,
            "tentative": len(replica.log.tentative),
            **dict(line.split(" ", 1) for line in group_lines(replica)),
            "vector_entries": len(replica.vector.names),
            **home.sizes(),
        }
        for name, value in lines.items():
            print(name, value)
        for name, version in replica.needs:
            print("needs", name, version)
    return 0


def _is_answer(message: Message) -> bool:
    return isinstance(message, Told | Position | Granted | Denied)


def _lines(answer: Message) -> tuple[str, ...]:
    if isinstance(answer, Told):
        return answer.lines
    if isinstance(answer, Position):
        vector = answer.vector
        pairs = zip(vector.names, vector.stamps, strict=True)
        return (f"csn {answer.csn}", *[f"{name} {stamp}" for name, stamp in pairs])
    return ("it has left",)
