"""``bayou group``: the commit group of a cluster, shown and changed."""

from __future__ import annotations

import argparse
import sys

from bayou._statuses import EXIT_FAILED
from bayou.core.errors import BayouError
from bayou.core.group import sorted_members
from bayou.host.caller import Caller, CallFailed
from bayou.host.messages import AskGroup, Denied, Told
from bayou.host.secrets import read_secrets
from bayou.serving.asking import address_of, ask_arguments, tls_of
from bayou.wire.exports import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.core.name import Name

WITHIN_S = 30.0
SET = "set"


def group(arguments: Sequence[str], prog: str = "bayou group") -> int:
    """Show the commit group, or change it; return the exit status."""
    options = _parser(prog).parse_intermixed_args(arguments)  # so that set may stand behind options
    try:
        members = _members(options)
        secret = read_secrets(options.secret_file)[0]
        with Caller(options.server, secret, tls=tls_of(options), within_s=options.within) as caller:
            epoch = None
            if options.replace is not None:
                told = _ask(caller, AskGroup(1, ()), options.within)
                members, epoch = _replaced(told, *map(_name, options.replace))
            told = _ask(caller, AskGroup(2, members, epoch), options.within)
    except (BayouError, ValueError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    for line in told.lines:
        print(line)
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Print which servers commit together: the members, who leads, and when each was last "
        "heard of by the server that is asked. With 'set' or '--replace' let others do so: the servers that "
        "are new in the group have to be connected to that server, and to consent. The change waits for a "
        "majority of the present group, like any write.",
        epilog="Names are those that `bayou stats` prints, such as '<5,3>', with or without the brackets; "
        "'<>' is the first server. Exit status: 0 when the server has answered, 1 where it can't be reached "
        "or refuses, 2 on a wrong option.",
    )
    add = parser.add_argument
    add("server", type=address_of, metavar="HOST:PORT", help="where one of the servers listens")
    add("change", nargs="*", metavar="set NAME...", help="let these servers be the group")
    add("--replace", nargs=2, metavar=("OLD", "NEW"), help="let a new server take the place of a member")
    ask_arguments(add, WITHIN_S)
    return parser


def _members(options: argparse.Namespace) -> tuple[Name, ...]:
    """Return who is to be in the group, nobody where it is only to be shown."""
    if not options.change:
        return ()
    word, *names = options.change
    if word != SET or not names:
        raise CallFailed(f"{' '.join(options.change)}: the command is bayou group HOST:PORT set NAME...")
    if options.replace is not None:
        raise CallFailed("set names all members: leave out --replace")
    return sorted_members(map(_name, names))


def _replaced(told: Told, old: Name, new: Name) -> tuple[tuple[Name, ...], int]:
    """Return who is to be in the group, and in which epoch this one is that is to be changed."""
    members = [_name(line.split()[1]) for line in told.lines if line.startswith("member ")]
    if old not in members:
        raise CallFailed(f"{old} is not in the commit group, which is {' '.join(map(repr, members))}")
    epoch = next(int(line.split()[1]) for line in told.lines if line.startswith("epoch "))
    return sorted_members([new if member is old else member for member in members]), epoch


def _name(text: str) -> Name:
    return parse_name(text if text.startswith("<") else f"<{text}>")


def _ask(caller: Caller, asked: AskGroup, within_s: float) -> Told:
    answer = caller.ask(asked, lambda message: isinstance(message, Told | Denied), within_s)
    if isinstance(answer, Denied):
        raise CallFailed(answer.why)
    if not isinstance(answer, Told):
        raise CallFailed(f"it answered {answer!r}")
    return answer
