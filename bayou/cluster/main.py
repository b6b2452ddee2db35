"""``bayou chat``: its verbs, each imported when it is wanted."""

from __future__ import annotations

import sys

from bayou._statuses import EXIT_WRONG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Verbs = dict[str, tuple[Callable[[Sequence[str]], int], str]]


def _config(arguments: Sequence[str]) -> int:
    from bayou.cluster.making import make

    return make(arguments)


def _serve(arguments: Sequence[str]) -> int:
    from bayou.cluster.serve import serve

    return serve(arguments)


def _client(arguments: Sequence[str]) -> int:
    from bayou.cluster.client import client

    return client(arguments)


CHAT: Verbs = {
    "config": (_config, "write the configuration of a cluster, and its secret"),
    "serve": (_serve, "be one of its servers"),
    "client": (_client, "take part"),
}


def chat(arguments: Sequence[str]) -> int:
    """Run ``bayou chat`` and return its exit status."""
    return choose("bayou chat", "A chat on a log that survives crashes of its servers.", CHAT, arguments)


def choose(prog: str, description: str, verbs: Verbs, arguments: Sequence[str]) -> int:
    """Run the verb that the first argument names."""
    words = list(arguments)
    if words and words[0] in verbs:
        return verbs[words[0]][0](words[1:])

    import argparse

    lines = "\n".join(f"  {verb:8}{does}" for verb, (_, does) in verbs.items())
    parser = argparse.ArgumentParser(
        prog=prog,
        usage=f"{prog} VERB [OPTION ...]",
        description=description,
        epilog=f"verbs, each with --help of its own:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", metavar="VERB", choices=list(verbs), help="what to do: see below")
    if not words or words == ["help"]:
        parser.print_help(sys.stderr if not words else sys.stdout)
        return 0 if words else EXIT_WRONG
    parser.parse_args(words)
    return EXIT_WRONG
