"""``bayou put``, ``get``, ``delete``, ``scan`` and ``changes``: the rows of a store, from a shell."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager

from bayou._arguments import seconds
from bayou._statuses import EXIT_DAMAGED, EXIT_DEADLINE, EXIT_FAILED, EXIT_IN_USE, EXIT_IO, EXIT_WRONG
from bayou.serving.carrying import add_server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from bayou.library.stores import Collection, Store

WITHIN_S = 10.0
STDIN = "-"


def put(arguments: Sequence[str], prog: str = "bayou put") -> int:
    """Give a row a value; return the exit status."""
    made = store_parser(prog, "Give a row a value, and return when that is durable.", with_row=True)
    made.add_argument(
        "value",
        metavar="VALUE",
        help="JSON, or a text where it is none; - reads it from standard input. null deletes nothing: "
        "it is no "
        "value of a row",
    )
    made.add_argument("--text", action="store_true", help="take the value as a text, whatever it looks like")
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        rows, key = row_of(store, options.row)
        rows.put(key, value_of(_stdin() if options.value == STDIN else options.value, is_text=options.text))
        return 0

    return run(options, does)


def get(arguments: Sequence[str], prog: str = "bayou get") -> int:
    """Print the value of a row; return the exit status."""
    made = store_parser(prog, "Print the value of a row: a text as it is, all else as JSON.", with_row=True)
    made.add_argument("--json", action="store_true", help="print a text as JSON too")
    add_committed(made)
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        rows, key = row_of(store, options.row)
        row = rows.row(key, committed=options.committed)
        if row is None:
            return EXIT_FAILED
        is_plain = isinstance(row.value, str) and not options.json
        print(row.value if is_plain else shown(row.value))
        return 0

    return run(options, does)


def delete(arguments: Sequence[str], prog: str = "bayou delete") -> int:
    """Delete a row; return the exit status."""
    about = "Delete a row, which need not be there, and return when that is durable."
    options = store_parser(prog, about, with_row=True).parse_args(arguments)

    def does(store: Store) -> int:
        rows, key = row_of(store, options.row)
        rows.delete(key)
        return 0

    return run(options, does)


def scan(arguments: Sequence[str], prog: str = "bayou scan") -> int:
    """Print rows; return the exit status."""
    about = (
        "Print rows in the order of their keys, each as its name, its value as JSON, and whether it is "
        "committed or tentative, with tabs between them."
    )
    made = store_parser(prog, about)
    made.add_argument(
        "prefix",
        nargs="?",
        default="",
        metavar="COLLECTION[/PREFIX]",
        help="the rows of this collection whose keys begin so (default: all rows)",
    )
    made.add_argument("--limit", type=_count, metavar="N", help="print so many rows at most")
    add_committed(made)
    options = made.parse_intermixed_args(arguments)  # the prefix may stand behind an option

    def does(store: Store) -> int:
        for line in scanned(store, options.prefix, options.limit, committed=options.committed):
            print(line)
        return 0

    return run(options, does)


def changes(arguments: Sequence[str], prog: str = "bayou changes") -> int:
    """Print what has changed; return the exit status."""
    about = (
        "Print what was changed, in the order of commitment, a JSON object a line: the row, its value (null "
        "where it was deleted), its CSN, and where to go on from behind it."
    )
    made = store_parser(prog, about)
    made.add_argument(
        "--since", type=_count, metavar="CSN", help="begin behind there (default: with the present rows)"
    )
    made.add_argument("--follow", action="store_true", help="wait for more, until it is interrupted")
    made.add_argument("--tentative", action="store_true", help="print tentative changes too")
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        timeout_s = None if options.follow else 0.0
        for change in store.changes(options.since, committed=not options.tentative, timeout_s=timeout_s):
            row = f"{change.collection}/{change.key}"
            told = {"row": row, "value": change.value, "csn": change.csn, "resume": change.resume}
            print(shown(told), flush=True)
        return 0

    return run(options, does)


# What they share.


def row_of(store: Store, text: str) -> tuple[Collection, str]:
    """Return the collection and the key that ``collection/key`` names; ValueError where it names none."""
    collection, slash, key = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r:.80} is no row: rows are named collection/key")
    return store[collection], key


def value_of(text: str, *, is_text: bool = False) -> Any:
    """Return the value that somebody has typed: JSON, or the text itself where it is none."""
    if not is_text:
        import json

        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return text


def shown(value: Any) -> str:
    """Return a value as JSON, on one line."""
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def scanned(
    store: Store, prefix: str = "", limit: int | None = None, *, committed: bool = False
) -> Iterator[str]:
    """Return the lines of rows."""
    collection, _, key = prefix.partition("/")
    for name in [collection] if collection else store.collections():
        for row in store[name].scan(key, limit=limit, committed=committed):
            state = "committed" if row.committed else "tentative"
            yield f"{name}/{row.key}\t{shown(row.value)}\t{state}"
            limit = None if limit is None else limit - 1
        if limit == 0:
            return


def store_parser(prog: str, about: str, *, with_row: bool = False) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=prog,
        description=about,
        epilog=f"exit status: 0 when it is done; {EXIT_FAILED} where there is no such row, without a "
        "word, and "
        f"where no server answers, or none may; {EXIT_WRONG} on a wrong option, or what no row can be; "
        f"{EXIT_DEADLINE} where nobody knows whether it was done; {EXIT_DAMAGED} where the file is "
        "damaged, or "
        f"older than what it told others; {EXIT_IO} where there is no room; {EXIT_IN_USE} while another "
        "process "
        "uses the file.",
    )
    add_store(made)
    if with_row:
        made.add_argument("row", metavar="COLLECTION/KEY", help="the row; the first / divides")
    return made


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add what says which store is meant, how to reach it, and what session to go on with."""
    add_server(parser)
    add = parser.add_argument
    add(
        "--token-file",
        metavar="FILE",
        help="go on with the session that this file has, and keep it there: whatever server answers, it is "
        "never older than what the session has seen; it is made where there is none (a FILE needs none)",
    )
    add(
        "--within",
        type=seconds,
        default=WITHIN_S,
        metavar="SECONDS",
        help=f"how long a server may take to answer (default: {WITHIN_S:g})",
    )


def add_committed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--committed", action="store_true", help="as the committed writes alone make it")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no number from 0 on")
    return int(text)


def _stdin() -> str:
    return sys.stdin.read().removesuffix("\n")


def run(options: argparse.Namespace, does: Callable[[Store], int]) -> int:
    return told(lambda: _carry_out(options, does))


def _carry_out(options: argparse.Namespace, does: Callable[[Store], int]) -> int:
    with opened(options) as store:
        return does(store)


def told(work: Callable[[], int]) -> int:
    """Return the exit status of some work; say why where it can't be done."""
    import bayou

    try:
        return work()
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        raise
    except (bayou.StorageDamaged, bayou.LostMemory) as error:
        status, why = EXIT_DAMAGED, str(error)
    except bayou.InUse as error:
        status, why = EXIT_IN_USE, str(error)
    except bayou.StorageFull as error:
        status, why = EXIT_IO, str(error)
    except bayou.OutcomeUnknown as error:
        status, why = EXIT_DEADLINE, str(error)
    except bayou.Error as error:
        status, why = EXIT_FAILED, str(error)
    except FileNotFoundError as error:
        status, why = EXIT_FAILED, f"{error.filename}: there is no such file"
    except OSError as error:
        status = EXIT_IO
        why = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    except (ValueError, TypeError) as error:
        status, why = EXIT_WRONG, str(error)
    print(why, file=sys.stderr)
    return status


def is_address(server: str) -> bool:
    """Whether this is HOST:PORT, and no file."""
    return not (os.path.exists(server) or os.sep in server or ":" not in server)


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Store]:
    """Give out the store that options name."""
    import bayou

    if not is_address(options.server):
        secret = options.secret_file
        functions = options.functions or None
        with bayou.open(options.server, secret=secret, create=False, functions=functions) as replica:
            yield replica
        return
    tls = options.tls_cert, options.tls_key, options.tls_ca
    if any(tls) and not all(tls):
        raise ValueError("--tls-cert, --tls-key and --tls-ca belong together")
    if options.secret_file is None:
        raise ValueError("--secret-file: the secret of the server's cluster is needed to reach it")
    path = options.token_file
    with bayou.connect(
        options.server,
        secret=options.secret_file,
        token=_token_in(path),
        timeout_s=options.within,
        tls=tls if all(tls) else None,
    ) as session:
        try:
            yield session
        finally:
            if path is not None:
                _keep_token(path, session.token())


def _token_in(path: str | None) -> str | None:
    if path is None or not os.path.lexists(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()


def _keep_token(path: str, token: str) -> None:
    """Keep a token: as a whole or not at all."""
    part = f"{path}.part"
    with open(part, "w", encoding="ascii") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
