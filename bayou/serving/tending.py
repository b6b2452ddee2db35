"""``bayou doctor`` and ``bayou compact``: what is done with the file of a server while it does not run."""

from __future__ import annotations

import argparse
import sys

from bayou._statuses import EXIT_DAMAGED, EXIT_IN_USE, EXIT_IO
from bayou.storage.store import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def doctor(arguments: Sequence[str], prog: str = "bayou doctor") -> int:
    """Print what is wrong with a file; return the exit status."""
    about = (
        "Look through the file of a server that does not run, from beginning to end, and leave it as it is."
    )
    epilog = (
        f"exit status: 0 when nothing is wrong, {EXIT_DAMAGED} when something is, 2 on a wrong option, "
        f"{EXIT_IO} where FILE can't be read, {EXIT_IN_USE} while another process uses it."
    )
    parser = _parser(prog, about, epilog)
    parser.add_argument(
        "--moved", action="store_true", help="say nothing of FILE having been moved here from elsewhere"
    )
    options = parser.parse_args(arguments)

    def look() -> int:
        from bayou.storage.replica.doctor import diagnose

        found = diagnose(options.file, moved=options.moved)
        for finding in found.findings:
            print(finding)
        what = f"{found.writes} committed writes, {found.tentative} tentative ones, {found.rows} rows"
        print(f"looked through {what}: {'nothing is' if not found.findings else 'something is'} wrong")
        return EXIT_DAMAGED if found.findings else 0

    return _told(look)


def compact(arguments: Sequence[str], prog: str = "bayou compact") -> int:
    """Let a file be as small as it can; return the exit status."""
    about = (
        "Let the file of a server that does not run be as small as it can. Meanwhile as much room is needed "
        "again. A file levels off by itself; this is for one that was much larger once."
    )
    epilog = (
        f"exit status: 0 when it is done, {EXIT_DAMAGED} where FILE is damaged or no file of a server, 2 on "
        f"a wrong option, {EXIT_IO} where the disk fails or is full, {EXIT_IN_USE} while another process "
        "uses it."
    )
    options = _parser(prog, about, epilog).parse_args(arguments)

    def make_smaller() -> int:
        from bayou.storage.replica.care import compact

        before, after = compact(options.file)
        print(f"{options.file}: {before} bytes before, {after} now")
        return 0

    return _told(make_smaller)


def _parser(prog: str, about: str, epilog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description=about, epilog=epilog)
    parser.add_argument("file", metavar="FILE", help="the file of the server")
    return parser


def _told(work: Callable[[], int]) -> int:
    """Return what the work does; where it can't be done, say why on standard error."""
    try:
        return work()
    except StorageError as error:
        print(error, file=sys.stderr)
        return error.exit_status
