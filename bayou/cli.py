"""The ``bayou`` command: what the package does, from a shell."""

from __future__ import annotations

import sys

from bayou._lean import quiet_interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _run(arguments: Sequence[str]) -> int:
    from bayou.master.main import main as run

    return run(arguments, prog="bayou run")


def _simulate(arguments: Sequence[str]) -> int:
    from bayou.master.main import main as run

    return run(arguments, prog="bayou sim", world="sim")


def _test(arguments: Sequence[str]) -> int:
    from bayou.tester.main import main as test

    return test(arguments, prog="bayou test", needs_command=False)


def _explore(arguments: Sequence[str]) -> int:
    from bayou.explore.main import main as explore

    return explore(arguments, prog="bayou explore")


def _check(arguments: Sequence[str]) -> int:
    from bayou.judging.main import check

    return check(arguments, prog="bayou check")


def _replay(arguments: Sequence[str]) -> int:
    from bayou.judging.main import replay

    return replay(arguments, prog="bayou replay")


def _locks(arguments: Sequence[str]) -> int:
    from bayou.verbs import main as run

    return run("locks", arguments)


def _chat(arguments: Sequence[str]) -> int:
    from bayou.verbs import main as run

    return run("chat", arguments)


def _paxos(arguments: Sequence[str]) -> int:
    from bayou.verbs import main as run

    return run("paxos", arguments)


def _serve(arguments: Sequence[str]) -> int:
    from bayou.serving.serve import serve

    return serve(arguments)


def _stats(arguments: Sequence[str]) -> int:
    from bayou.serving.asking import stats

    return stats(arguments)


def _position(arguments: Sequence[str]) -> int:
    from bayou.serving.asking import position

    return position(arguments)


def _retire(arguments: Sequence[str]) -> int:
    from bayou.serving.asking import retire

    return retire(arguments)


def _group(arguments: Sequence[str]) -> int:
    from bayou.serving.grouping import group

    return group(arguments)


def _doctor(arguments: Sequence[str]) -> int:
    from bayou.serving.tending import doctor

    return doctor(arguments)


def _compact(arguments: Sequence[str]) -> int:
    from bayou.serving.tending import compact

    return compact(arguments)


def _backup(arguments: Sequence[str]) -> int:
    from bayou.serving.saving import backup

    return backup(arguments)


def _restore(arguments: Sequence[str]) -> int:
    from bayou.serving.saving import restore

    return restore(arguments)


def _rejoin(arguments: Sequence[str]) -> int:
    from bayou.serving.saving import rejoin

    return rejoin(arguments)


def _export(arguments: Sequence[str]) -> int:
    from bayou.serving.carrying import export_writes

    return export_writes(arguments)


def _import(arguments: Sequence[str]) -> int:
    from bayou.serving.carrying import import_writes

    return import_writes(arguments)


def _put(arguments: Sequence[str]) -> int:
    from bayou.serving.rows import put

    return put(arguments)


def _get(arguments: Sequence[str]) -> int:
    from bayou.serving.rows import get

    return get(arguments)


def _delete(arguments: Sequence[str]) -> int:
    from bayou.serving.rows import delete

    return delete(arguments)


def _scan(arguments: Sequence[str]) -> int:
    from bayou.serving.rows import scan

    return scan(arguments)


def _changes(arguments: Sequence[str]) -> int:
    from bayou.serving.rows import changes

    return changes(arguments)


def _write(arguments: Sequence[str]) -> int:
    from bayou.serving.writes import write

    return write(arguments)


def _outcome(arguments: Sequence[str]) -> int:
    from bayou.serving.writes import outcome

    return outcome(arguments)


def _conflicts(arguments: Sequence[str]) -> int:
    from bayou.serving.writes import conflicts

    return conflicts(arguments)


def _resolve(arguments: Sequence[str]) -> int:
    from bayou.serving.writes import resolve

    return resolve(arguments)


def _shell(arguments: Sequence[str]) -> int:
    from bayou.serving.shell import shell

    return shell(arguments)


VERBS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "serve": (_serve, "be a server of a store that lasts"),
    "put": (_put, "give a row a value"),
    "get": (_get, "print the value of a row"),
    "delete": (_delete, "delete a row"),
    "scan": (_scan, "print rows"),
    "changes": (_changes, "print what was changed, and follow that"),
    "write": (_write, "make a write that says what it expects"),
    "outcome": (_outcome, "print what came of a write"),
    "conflicts": (_conflicts, "print the writes of which nothing fitted"),
    "resolve": (_resolve, "take one off that list"),
    "shell": (_shell, "a prompt for the rows of a store"),
    "stats": (_stats, "print what a server, or its file, tells of itself"),
    "position": (_position, "print where a server, or its file, stands"),
    "retire": (_retire, "let a server leave for good"),
    "group": (_group, "show or change which servers commit together"),
    "backup": (_backup, "copy all that a server has"),
    "restore": (_restore, "make a new server of a backup"),
    "rejoin": (_rejoin, "make a new server of one whose file is too old"),
    "export": (_export, "write a file that brings another server what it lacks"),
    "import": (_import, "let a server take in such files"),
    "doctor": (_doctor, "look through the file of a server that does not run"),
    "compact": (_compact, "let the file of a server that does not run be small"),
    "run": (_run, "run a scenario on real processes"),
    "sim": (_simulate, "run a scenario in the simulated world"),
    "test": (_test, "run the golden scenarios of this directory"),
    "explore": (_explore, "search for broken promises with random runs and faults"),
    "check": (_check, "judge a run from its trace"),
    "replay": (_replay, "run what a trace recorded again"),
    "locks": (_locks, "run scripts on a lock service: bayou locks --help"),
    "chat": (_chat, "run a chat: bayou chat --help"),
    "paxos": (_paxos, "decide one value: bayou paxos --help"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``bayou`` command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    quiet_interrupts()
    if words == ["help"]:
        words = ["--help"]
    if words and words[0] in VERBS:
        return VERBS[words[0]][0](words[1:])

    import argparse

    from bayou import __version__

    verbs = "\n".join(f"  {verb:11}{does}" for verb, (_, does) in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="bayou",
        usage="bayou VERB [OPTION ...] [FILE]",
        description="A weakly consistent replicated store after the Bayou papers.",
        epilog=f"verbs, each with --help of its own:\n{verbs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bayou {__version__}")
    parser.add_argument("verb", metavar="VERB", choices=list(VERBS), help="what to do: see below")
    if not words:
        parser.print_help(sys.stderr)
        return 2
    parser.parse_args(words)
    return 2
