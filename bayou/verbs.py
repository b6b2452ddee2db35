"""Verbs that have verbs of their own, as ``bayou locks run`` has: which there are, and what each does."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _run_locks(arguments: Sequence[str]) -> int:
    from bayou.running.locks import main

    return main(arguments)


def _run_chat(arguments: Sequence[str]) -> int:
    from bayou.running.chat import main

    return main(arguments)


def _make_config(arguments: Sequence[str]) -> int:
    from bayou.cluster.making import make

    return make(arguments)


def _serve_chat(arguments: Sequence[str]) -> int:
    from bayou.cluster.serve import serve

    return serve(arguments)


def _be_client(arguments: Sequence[str]) -> int:
    from bayou.cluster.client import client

    return client(arguments)


def _decide(arguments: Sequence[str]) -> int:
    from bayou.decree.main import decide

    return decide(arguments)


def _be_node(arguments: Sequence[str]) -> int:
    from bayou.decree.main import node

    return node(arguments)


def _be_client_of_nodes(arguments: Sequence[str]) -> int:
    from bayou.decree.main import client

    return client(arguments)


Verb = tuple["Callable[[Sequence[str]], int]", str]

VERBS: dict[str, tuple[str, dict[str, Verb]]] = {
    "locks": (
        "a lock service on a log that survives crashes",
        {"run": (_run_locks, "run scripts of clients, with servers that fail")},
    ),
    "chat": (
        "a chat whose log is the same for all",
        {
            "run": (_run_chat, "run servers and clients all at once, and compare what they have in the end"),
            "config": (_make_config, "write the configuration of a cluster, and its secret"),
            "serve": (_serve_chat, "be one of its servers"),
            "client": (_be_client, "take part"),
        },
    ),
    "paxos": (
        "one value, decided by proposers, acceptors and learners",
        {
            "decide": (_decide, "run nodes and clients all at once"),
            "node": (_be_node, "be one of the nodes"),
            "client": (_be_client_of_nodes, "want a value decided, and be told which one is"),
        },
    ),
}
"""Each verb, what it is about, and its verbs."""


def main(name: str, words: Sequence[str]) -> int:
    """Carry out a verb of ``bayou NAME``; return the exit status."""
    about, verbs = VERBS[name]
    if words and words[0] in verbs:
        return verbs[words[0]][0](words[1:])

    import argparse

    table = "\n".join(f"  {verb:8}{does}" for verb, (_, does) in verbs.items())
    parser = argparse.ArgumentParser(
        prog=f"bayou {name}",
        usage=f"bayou {name} VERB [OPTION ...]",
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=f"verbs, each with --help of its own:\n{table}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", metavar="VERB", choices=list(verbs), help="what to do: see below")
    if not words or list(words) == ["help"]:
        parser.print_help(sys.stderr if not words else sys.stdout)
        return 0 if words else 2
    parser.parse_args(words[:1])
    return 2
