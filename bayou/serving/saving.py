"""``bayou backup``, ``bayou restore`` and ``bayou rejoin``: what is done for a server that may be lost, and
with one whose file is older than what it told others.

A copy of a file is never started as it is: it would give the same stamps to other writes. So a new server is
made of it, that has its rows to begin with.
"""

from __future__ import annotations

import argparse
import os

from bayou._arguments import add_functions
from bayou._statuses import EXIT_DAMAGED, EXIT_FAILED, EXIT_IN_USE, EXIT_IO
from bayou.core.errors import BayouError
from bayou.serving.carrying import add_server, opened, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.serving.carrying import Source

ROWS_AT_ONCE = 500

_STATUSES = (
    f"exit status: 0 when it is done, {EXIT_FAILED} where a server can't be reached or refuses, 2 on a "
    f"wrong option, "
    f"{EXIT_DAMAGED} where a file is damaged, {EXIT_IO} where a disk fails or is full, {EXIT_IN_USE} "
    f"while another "
    "process uses the file."
)


def backup(arguments: Sequence[str], prog: str = "bayou backup") -> int:
    """Copy what a server has; return the exit status."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Copy all that a server has into a file, as it is at one moment, while it runs or not. "
        "bayou restore makes a server of it.",
        epilog=_STATUSES,
    )
    add_server(parser)
    parser.add_argument("out", metavar="OUT", help="the file to write, which must not be there")
    options = parser.parse_args(arguments)

    def copy() -> int:
        if os.path.exists(options.server):
            from bayou.storage.replica.care import back_up

            print(f"{options.out}: {back_up(options.server, options.out)} bytes")
            return 0
        with opened(options) as source:
            _copy_from(source, options.out, options.functions)
        print(f"{options.out}: {os.stat(options.out).st_size} bytes")
        return 0

    return told(copy)


def _copy_from(source: Source, out: str, functions: str) -> None:
    """Copy all that a server that runs has: what an export would hold, as a file of its own."""
    from bayou.host.carrier import export, import_file
    from bayou.host.mirrors import filled

    if os.path.lexists(out):
        raise BayouError(f"{out} is there already: name another file, or remove it")
    carried = f"{out}.carried"
    try:
        export(source.ask, carried, source.secrets[0], cluster=source.cluster, name=source.name)
        with filled(out, source.cluster, source.name, functions) as server:
            import_file(server.ask, carried, source.secrets, cluster=source.cluster)
    finally:
        if os.path.lexists(carried):
            os.unlink(carried)


def restore(arguments: Sequence[str], prog: str = "bayou restore") -> int:
    """Make a server of a backup; return the exit status."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Make a new server of a backup. It has the rows of the backup to begin with, and joins "
        "the cluster that these come from; or, where that is lost, it is the first server of a new one.",
        epilog=_STATUSES,
    )
    add = parser.add_argument
    add("backup", metavar="BACKUP", help="what bayou backup has written")
    add("file", metavar="FILE", help="the file of the new server, which must not be there")
    _add_joining(parser)
    parser.add_argument(
        "--new-cluster",
        action="store_true",
        help="begin a new cluster, with all rows of the backup, tentative ones too, as new writes",
    )
    options = parser.parse_args(arguments)
    if options.new_cluster == bool(options.join):
        parser.error("either --join HOST:PORT or --new-cluster")

    def make() -> int:
        if options.new_cluster:
            return _begin_cluster(options.backup, options.file, options.functions)
        from bayou.storage.replica.care import make_newcomer

        make_newcomer(
            options.backup, options.file, with_rows=not _has_decided(options.backup, options.functions)
        )
        return _join(options.file, options)

    return told(make)


def rejoin(arguments: Sequence[str], prog: str = "bayou rejoin") -> int:
    """Make a new server of one whose file is too old; return the exit status."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Make a new server of one that may not go on, because its file is older than what it "
        "told others. What was tentative in it is written to FILE.tentative first, for another server to "
        "import; FILE itself is kept as FILE.old.",
        epilog=_STATUSES,
    )
    parser.add_argument("file", metavar="FILE", help="the file of the server")
    _add_joining(parser)
    options = parser.parse_args(arguments)
    if not options.join:
        parser.error("--join HOST:PORT: a server of the cluster is needed")

    def make() -> int:
        from bayou.storage.replica.care import make_newcomer

        path, new = options.file, f"{options.file}.new"
        kept = _keep_tentative(path, options.secret_file, options.functions)
        if kept:
            print(f"{path}.tentative: {kept} tentative writes; bayou import takes them in, at any server")
        make_newcomer(path, new, with_rows=not _has_decided(path, options.functions))
        os.rename(path, f"{path}.old")
        for suffix in ("-wal", "-shm"):
            if os.path.lexists(f"{path}{suffix}"):
                os.rename(f"{path}{suffix}", f"{path}.old{suffix}")
        if os.path.lexists(f"{path}-lock"):
            os.unlink(f"{path}-lock")
        os.rename(new, path)
        return _join(path, options)

    return told(make)


def _add_joining(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--join",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a server of the cluster that the new one joins; may be given several times",
    )
    add("--secret-file", metavar="FILE", help="the secret of the cluster (default: FILE-secret)")
    add_functions(parser, "the writes of the server call, where they do")


def _join(path: str, options: argparse.Namespace) -> int:
    """Let the new server get its name, and all that others have."""
    from bayou.library import replica as library

    with library.open(
        path, join=options.join, secret=options.secret_file, functions=options.functions or None
    ) as made:
        print(f"{path}: server {made.name} of the cluster")
    return 0


def _has_decided(path: str, functions: str) -> bool:
    """Whether the server of a file was ever in the commit group, the primary say. What it had a part in
    committing may be more than others have heard of, and other than what they make of it."""
    from bayou.host.mirrors import copied

    with copied(path, functions) as server:
        return server.home.file.has_decided()


def _keep_tentative(path: str, secret_file: str | None, functions: str) -> int:
    """Write what is tentative in a file as an export, unless nothing is; return how many writes that is."""
    from bayou.host.carrier import export
    from bayou.host.mirrors import copied
    from bayou.host.secrets import read_secrets

    with copied(path, functions) as server:
        replica = server.replica
        count = len(replica.log.tentative)
        if count:
            base = replica.past.base.after(replica.log.committed)
            secret = read_secrets(secret_file or f"{path}-secret")[0]
            out = f"{path}.tentative"
            csn, vector = replica.csn, base.vector
            cluster = server.home.cluster
            export(server.ask, out, secret, cluster=cluster, name=replica.name, csn=csn, vector=vector)
    return count


def _begin_cluster(source: str, path: str, functions: str) -> int:
    """Let the first server of a new cluster accept all rows of a backup, as it shows them, and try the
    writes again that are conflicts."""
    from bayou.core.rows import CONFLICTS
    from bayou.core.values import of_value
    from bayou.host.mirrors import copied
    from bayou.library import replica as library
    from bayou.library.writes import Write

    if os.path.lexists(path):
        raise BayouError(f"{path} is there already: name another file, or remove it")
    count = 0
    with (
        copied(source, functions) as server,
        library.open(path, functions=functions or None) as made,
    ):
        replica = server.replica
        for collection in replica.collections():
            into, pairs = made[collection], []
            for key, value, *_ in replica.rows(collection):
                pairs.append((key, of_value(value)))
                count += 1
                if len(pairs) >= ROWS_AT_ONCE:
                    into.update(pairs)
                    pairs = []
            into.update(pairs)
        for _, body, *_ in replica.rows(CONFLICTS):
            made.write(Write.of(of_value(body)))  # type: ignore[arg-type]  # it has the form of an object
    print(f"{path}: the first server of a new cluster, with {count} rows; its secret is {path}-secret")
    return 0
