"""``bayou export`` and ``bayou import``: writes are carried from one server to another in files
(Petersen '97, "Anti-entropy over transportable media")."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager

from bayou._arguments import add_functions
from bayou._statuses import EXIT_DAMAGED, EXIT_DEADLINE, EXIT_FAILED, EXIT_IN_USE, EXIT_IO
from bayou.core.errors import BayouError
from bayou.core.vector import START
from bayou.host.carrier import Gap, export, import_file
from bayou.host.secrets import read_secrets
from bayou.storage.store import StorageError
from bayou.wire.exports import BadExport, parse_name, parse_position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.machine.messages import Message
    from bayou.net.tls import Tls

WITHIN_S = 60.0


class Source:
    """A server, in a file or at an address: ``ask`` lets it carry out an order; ``secrets`` of its
    cluster."""

    def __init__(
        self, ask: Callable[[Message], Message], secrets: tuple[bytes, ...], cluster: str, name: Name
    ) -> None:
        self.ask = ask
        self.secrets = secrets
        self.cluster = cluster
        self.name = name


def export_writes(arguments: Sequence[str], prog: str = "bayou export") -> int:
    """Write a file for another server; return the exit status."""
    about = (
        "Write what another server lacks into a file, for it to import: through no network but somebody's "
        "pocket. Everything, unless it is said where its reader stands."
    )
    parser = _parser(prog, about)
    parser.add_argument("out", metavar="OUT", help="the file to write; it is there whole, or not at all")
    assumed = parser.add_mutually_exclusive_group()
    assumed.add_argument(
        "--beyond",
        metavar="POSITION",
        help="where the reader stands, as bayou position prints it; - reads it from standard input",
    )
    assumed.add_argument(
        "--for",
        dest="reader",
        metavar="NAME",
        help="the name of the server that is to read it, such as <5,3>: what it had when it was last heard "
        "of, by a server that runs",
    )
    assumed.add_argument("--all", action="store_true", help="assume nothing of the reader, as without this")
    options = parser.parse_args(arguments)

    def write() -> int:
        with opened(options) as source:
            csn, vector = _assumed(options, source)
            report = export(
                source.ask,
                options.out,
                source.secrets[0],
                cluster=source.cluster,
                name=source.name,
                csn=csn,
                vector=vector,
            )
        rows = f"{report.rows} rows and " if report.rows else ""
        print(f"{options.out}: {rows}{report.writes} writes, up to csn {report.csn}")
        return 0

    return told(write)


def import_writes(arguments: Sequence[str], prog: str = "bayou import") -> int:
    """Let a server take files in; return the exit status."""
    about = (
        "Let a server take in what is in files that bayou export has written, in any order and as often as "
        "one likes. What it has already is passed over."
    )
    parser = _parser(prog, about)
    parser.add_argument("files", nargs="+", metavar="IN", help="the files")
    options = parser.parse_args(arguments)

    def read() -> int:
        with opened(options) as source:
            for path in options.files:
                report = import_file(source.ask, path, source.secrets, cluster=source.cluster)
                base = "took over its rows, and " if report.installed else ""
                print(f"{path}: {base}{report.new} writes were new", flush=True)
        return 0

    return told(read)


def _parser(prog: str, about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=about,
        epilog=f"exit status: 0 when it is done, {EXIT_FAILED} where the server can't be reached or refuses, "
        f"2 on a wrong option, {EXIT_DEADLINE} where something is missing between the server and a file, "
        f"{EXIT_DAMAGED} where a file is damaged, cut short or of another cluster, {EXIT_IO} where a disk "
        f"fails or is full, {EXIT_IN_USE} while another process uses the server's file.",
    )
    add_server(parser)
    return parser


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add what says which server is meant, and how to reach it."""
    add = parser.add_argument
    add(
        "server",
        metavar="(FILE | HOST:PORT)",
        help="the file of a server that does not run, or where one listens that does",
    )
    add("--secret-file", metavar="FILE", help="the secret of its cluster (default for a file: FILE-secret)")
    add("--tls-cert", metavar="FILE", help="encrypt, and show this certificate (PEM)")
    add("--tls-key", metavar="FILE", help="its key (PEM)")
    add("--tls-ca", metavar="FILE", help="the authority that has signed the server's certificate (PEM)")
    add_functions(parser, "writes in FILE call, where they do (a server that runs has its own)")


def told(work: Callable[[], int]) -> int:
    """Return what the work does; where it can't be done, say why on standard error."""
    try:
        return work()
    except StorageError as error:
        status, why = error.exit_status, str(error)
    except Gap as error:
        status, why = EXIT_DEADLINE, str(error)
    except BadExport as error:
        status, why = EXIT_DAMAGED, str(error)
    except BayouError as error:
        status, why = EXIT_FAILED, str(error)
    except OSError as error:
        status = EXIT_IO
        why = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    except ValueError as error:
        status, why = 2, str(error)
    print(why, file=sys.stderr)
    return status


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Source]:
    """Give out the server that the options name: where there is a file of that name, it is that."""
    import os

    if os.path.exists(options.server) or os.sep in options.server or ":" not in options.server:
        with _in_file(options) as source:
            yield source
    else:
        with _at_address(options) as source:
            yield source


@contextmanager
def _in_file(options: argparse.Namespace) -> Iterator[Source]:
    import os

    from bayou.host.offline import Offline

    secrets = read_secrets(options.secret_file or f"{options.server}-secret")
    if not os.path.exists(options.server):
        raise BayouError(f"{options.server}: there is no such file")
    with Offline(options.server, functions=options.functions) as server:
        yield Source(server.ask, secrets, server.home.cluster, server.replica.name)


@contextmanager
def _at_address(options: argparse.Namespace) -> Iterator[Source]:
    from bayou.host.caller import Caller
    from bayou.host.messages import AskCarried, Carried, Denied
    from bayou.machine.messages import Failed
    from bayou.net.address import parse

    if options.secret_file is None:
        raise ValueError("--secret-file: the secret of the server's cluster is needed to reach it")
    address = parse(options.server)
    secrets = read_secrets(options.secret_file)
    with Caller(address, secrets[0], tls=_tls(options)) as caller:
        serial = 0

        def ask(order: Message) -> Message:
            nonlocal serial
            serial += 1
            number = serial
            answer = caller.ask(
                AskCarried(number, order),
                lambda message: isinstance(message, Carried | Denied) and message.serial == number,
                WITHIN_S,
            )
            if isinstance(answer, Denied):
                raise BayouError(answer.why)
            if not isinstance(answer, Carried):
                raise BayouError(f"{type(answer).__name__} where something else is due")
            if isinstance(answer.answer, Failed):
                raise BayouError(answer.answer.why)
            return answer.answer

        name = caller.server.name
        if name is None:
            raise BayouError(f"{options.server} is no member of its cluster yet")
        yield Source(ask, secrets, caller.server.cluster, name)


def _tls(options: argparse.Namespace) -> Tls | None:
    files = options.tls_cert, options.tls_key, options.tls_ca
    if not any(files):
        return None
    if not all(files):
        raise ValueError("--tls-cert, --tls-key and --tls-ca belong together")
    from bayou.net.tls import Tls

    return Tls(*files)


def _assumed(options: argparse.Namespace, source: Source) -> tuple[int, VersionVector]:
    """Return where the reader is taken to stand."""
    from bayou.node.messages import Stands, WhereIs

    if options.beyond is not None:
        text = sys.stdin.read() if options.beyond == "-" else options.beyond
        return parse_position(text)
    if options.reader is not None:
        stands = source.ask(WhereIs(parse_name(options.reader)))
        if isinstance(stands, Stands):
            return stands.csn, stands.vector
    return 0, START
