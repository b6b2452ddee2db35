"""Makes the page of all options and exit statuses: ``python3 -m tests.options_page`` prints it.

Options come from the parsers themselves, caught where each program is about to read its command line: a new
option is on the page as soon as the page is made anew. Exit statuses have a line each in STATUSES below,
which a test compares with the constants of the modules that end with them.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn, cast
from unittest import mock

import bayou.cluster.client
import bayou.cluster.making
import bayou.cluster.serve
import bayou.decree.main
import bayou.explore.main
import bayou.judging.main
import bayou.master.main
import bayou.running.chat
import bayou.running.locks
import bayou.serving.asking
import bayou.serving.carrying
import bayou.serving.grouping
import bayou.serving.options
import bayou.serving.rows
import bayou.serving.saving
import bayou.serving.tending
import bayou.tester.main
from bayou import cli, verbs
from bayou.tester import plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

PAGE = Path(__file__).parent.parent / "docs" / "options.md"
WRONG = "a wrong option"
SIGNAL = "as usual for a signal: 128 and its number, so 130 after Ctrl-C"

_MASTER = {
    "0": "all lines were read, whatever was skipped",
    "1": "the system under test failed, or a file can't be read or written",
    "2": f"{WRONG}; under `--strict`, the first line that is off",
    "3": "a command was not done within its deadline",
    "4": "an `expect` was not met",
    "5": "under `--check`: a promise was broken",
    "6": "under `--check`: there was nothing to be judged",
    "141": "nobody reads the output any more",
    "128+n": SIGNAL,
}

_ASKING = {
    "0": "the server has answered",
    "1": "it can't be reached, or refuses",
    "2": WRONG,
}

_SAVING = {
    "0": "it is done",
    "1": "a server can't be reached, or refuses; a secret or file is missing, or there already",
    "2": WRONG,
    "65": "a file is damaged",
    "74": "a disk fails, or is full",
    "75": "another process uses the file",
}
_CARRYING = {
    **_SAVING,
    "2": f"{WRONG}, or a position that is none",
    "3": "something is missing between the server and a file",
    "65": "a file is damaged, cut short or of another cluster",
}

_ROWS = {
    "0": "it is done",
    "1": "there is no such row, which is not said; no server answers, or none may",
    "2": f"{WRONG}, or what no row can be",
    "3": "nobody knows whether it was done",
    "65": "the file is damaged, or older than what it told others",
    "74": "there is no room",
    "75": "another process uses the file",
}
_ASKING_FILE = {**_ASKING, "65": "the file is damaged", "74": "the disk fails", "75": "the file is in use"}

_STORE = ("put", "get", "delete", "scan", "changes", "write", "outcome", "conflicts", "resolve", "shell")

STATUSES = {
    "serve": {
        "0": "it was ended in good order, or has retired",
        "1": "it can't be begun: the port is taken, the secret is missing",
        "2": WRONG,
        "65": "the file is damaged, or older than what this server has told others",
        "70": "a function that a write calls can't be carried out: it lacks memory or time, say",
        "74": "something can't be made durable: the disk is full, or fails",
        "75": "another process uses the file",
        "78": "a write in the file calls a function that --functions does not give",
    },
    **dict.fromkeys(_STORE, _ROWS),
    "stats": _ASKING_FILE,
    "position": _ASKING_FILE,
    "retire": _ASKING,
    "group": _ASKING,
    "doctor": {
        "0": "nothing is wrong",
        "2": WRONG,
        "65": "something is wrong, which is printed",
        "74": "the file can't be read",
        "75": "another process uses the file",
    },
    "compact": {
        "0": "it is done",
        "2": WRONG,
        "65": "the file is damaged, or no file of a server",
        "74": "the disk fails, or is full",
        "75": "another process uses the file",
    },
    "backup": _SAVING,
    "restore": _SAVING,
    "rejoin": _SAVING,
    "export": _CARRYING,
    "import": _CARRYING,
    "run": _MASTER,
    "sim": _MASTER,
    "test": {
        "0": "all tests passed (with `--bless`: all are solutions now; with `--failed`: or none had failed)",
        "1": "a test failed, or a solution or a configuration belongs to no test; a blessing was refused; "
        "the answer to the question was no; nobody reads the output any more",
        "2": f"{WRONG}; there was nothing to run, or no command to run it with; a file can't be written",
        "130": "it was interrupted by Ctrl-C",
        "128+n": "another signal: 143 after SIGTERM, 129 after SIGHUP",
    },
    "explore": {
        "0": "nothing was found",
        "1": "a promise was broken (with `--bugs`: a planted bug was not found)",
        "2": f"{WRONG}, or a file that can't be read or explored",
        "130": "it was interrupted by Ctrl-C",
        "128+n": "another signal: 143 after SIGTERM, 129 after SIGHUP",
    },
    "check": {
        "0": "valid",
        "2": f"{WRONG}, or a trace or a history that can't be read",
        "5": "invalid: a promise was broken, or with `--model` no order explains the history",
        "6": "unknown: there was nothing to be judged, or the search used up its `--budget`",
    },
    "replay": {
        "0": "every event is the same again",
        "1": "an event differs",
        "2": f"{WRONG}, or a trace that can't be read or replayed",
    },
    "paxos decide": {
        "0": "every client was told the value",
        "1": "something failed",
        "2": f"{WRONG}, or a file of hosts, or a secret, that can't be used",
        "3": "no majority of acceptors, no proposer or no learner is left, or the deadline is over",
        "141": "nobody reads the output any more",
        "128+n": SIGNAL,
    },
    "paxos node": {
        "0": "a client has stopped it",
        "1": "something failed: what is to be durable can't be, the state is missing or damaged, the port is "
        "taken",
        "2": f"{WRONG}, or a file of hosts, or a secret, that can't be used",
        "128+n": SIGNAL,
    },
    "paxos client": {
        "0": "it was told the value",
        "1": "something failed: the port is taken",
        "2": f"{WRONG}, or a file of hosts, or a secret, that can't be used",
        "3": "nobody told it the value within the deadline",
        "141": "nobody reads the output any more",
        "128+n": SIGNAL,
    },
    "locks run": {
        "0": "all scripts have ended",
        "1": "the system under test failed, or a journal that is kept is damaged, or in use by another run",
        "2": f"{WRONG}, a line that is off, a file that can't be read, or a directory that is not fit; "
        "nothing was started",
        "3": "all scripts that are left wait for each other, or nothing has moved for the time of "
        "`--deadline`",
        "141": "nobody reads the output any more",
        "128+n": SIGNAL,
    },
    "chat run": {
        "0": "all logs are equal, and every message stands there once, in its client's order",
        "1": "they are not, or the system under test failed",
        "2": f"{WRONG}, or a configuration that is wrong or not there",
        "3": "nothing has moved for the time of `--deadline`",
        "141": "nobody reads the output any more",
        "128+n": SIGNAL,
    },
    "chat config": {
        "0": "configuration and secret are written",
        "1": "they can't be, or are there already",
        "2": WRONG,
    },
    "chat serve": {
        "1": "something failed: what is to be durable can't be, the state is damaged, missing or another's, "
        "the port is taken",
        "2": f"{WRONG}, or a configuration that is wrong or not there",
        "130": "it was ended by Ctrl-C",
        "128+n": "another signal: 143 after SIGTERM, 129 after SIGHUP",
    },
    "chat client": {
        "0": "all that was typed is delivered",
        "1": "the servers don't let it in, or the view can't be written",
        "2": f"{WRONG}, or a configuration that is wrong or not there",
        "130": "it was ended by Ctrl-C",
        "141": "nobody reads the view any more",
        "128+n": "another signal: 143 after SIGTERM, 129 after SIGHUP",
    },
}
"""For each verb what its exit statuses mean."""

ENDINGS: dict[str, tuple[ModuleType, ...]] = {
    "serve": (bayou.serving.options,),
    **dict.fromkeys(_STORE, (bayou.serving.rows,)),
    "stats": (bayou.serving.asking,),
    "position": (bayou.serving.asking,),
    "retire": (bayou.serving.asking,),
    "group": (bayou.serving.grouping,),
    "doctor": (bayou.serving.tending,),
    "compact": (bayou.serving.tending,),
    "backup": (bayou.serving.saving,),
    "restore": (bayou.serving.saving,),
    "rejoin": (bayou.serving.saving,),
    "export": (bayou.serving.carrying,),
    "import": (bayou.serving.carrying,),
    "run": (bayou.master.main,),
    "sim": (bayou.master.main,),
    "test": (bayou.tester.main,),
    "explore": (bayou.explore.main,),
    "check": (bayou.judging.main,),
    "replay": (bayou.judging.main,),
    "paxos decide": (bayou.decree.main,),
    "paxos node": (bayou.decree.main,),
    "paxos client": (bayou.decree.main,),
    "locks run": (bayou.running.locks,),
    "chat run": (bayou.running.chat,),
    "chat config": (bayou.cluster.making,),
    "chat serve": (bayou.cluster.serve,),
    "chat client": (bayou.cluster.client,),
}
"""The modules whose EXIT_ constants each verb may end with."""

ALSO = {
    "serve": "See [servers that last](serve.md).",
    **dict.fromkeys(
        _STORE,
        "See [rows from a shell](library.md#from-a-shell).",
    ),
    "stats": "See [servers that last](serve.md).",
    "position": "See [servers that last](serve.md).",
    "retire": "See [servers that last](serve.md).",
    "group": "See [the commit group](group.md).",
    "doctor": "See [the file of a durable server](durable-file.md).",
    "compact": "See [the file of a durable server](durable-file.md).",
    "backup": "See [the file of a durable server](durable-file.md#backups).",
    "restore": "See [the file of a durable server](durable-file.md#backups).",
    "rejoin": "See [the file of a durable server](durable-file.md#when-something-is-wrong).",
    "export": "See [writes in files](carrying.md).",
    "import": "See [writes in files](carrying.md).",
    "run": "`python3 -m bayou.master`, which the `COMMAND` of this project calls, is the same. Without any "
    "option, at a terminal, it shows a [prompt](scenarios.md#at-a-prompt).",
    "sim": "The same in the simulated world: `bayou run --world sim`.",
    "test": "`tester.py` is the same, but for a missing `COMMAND`, which it calls an error "
    "([golden files](scenarios.md#golden-files)).",
    "explore": "See [exploring](exploring.md).",
    "check": "See [checkers](checkers.md), and [histories](histories.md) for `--model`.",
    "replay": "See [traces](traces.md).",
    "paxos decide": "See [Paxos](paxos.md).",
    "paxos node": "See [Paxos](paxos.md).",
    "paxos client": "See [Paxos](paxos.md).",
    "locks run": "See [locks](locks.md).",
    "chat run": "`--seed` makes a run in the simulated world, and only there, one that can be had again.",
    "chat config": "See [a chat on several machines](chat-cluster.md).",
    "chat serve": "See [a chat on several machines](chat-cluster.md).",
    "chat client": "See [a chat on several machines](chat-cluster.md).",
}


class _Caught(BaseException):
    """The parser of a program, as it was about to read the command line."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def parser_of(verb: Callable[[list[str]], object]) -> argparse.ArgumentParser:
    """Return the parser that a program makes of its options, which it is called with."""

    def catch(self: argparse.ArgumentParser, *_: object) -> NoReturn:
        raise _Caught(self)

    kind = argparse.ArgumentParser
    ways = (
        mock.patch.object(kind, "parse_args", catch),
        mock.patch.object(kind, "parse_intermixed_args", catch),
    )
    with _signals_kept(), ways[0], ways[1]:
        try:
            verb(["--help"])
        except _Caught as caught:
            return caught.parser
    raise AssertionError(f"{verb} has no parser")


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Put back the signal handlers that a program sets before it reads its options."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def all_verbs() -> dict[str, Callable[[list[str]], object]]:
    """Return all verbs, as they are typed, and what each calls."""
    found: dict[str, Callable[[list[str]], object]] = {}
    for verb, (run, _) in cli.VERBS.items():
        if verb not in verbs.VERBS:
            found[verb] = run
            continue
        for second, (inner, _) in verbs.VERBS[verb][1].items():
            found[f"{verb} {second}"] = inner
    return found


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each verb."""
    return {verb: parser_of(run) for verb, run in all_verbs().items()}


def options_of(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Return each option as it is written, and what it does."""
    return [
        (", ".join(_spellings(action)), parser._get_formatter()._expand_help(action) if action.help else "")
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]


def _spellings(action: argparse.Action) -> list[str]:
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices is not None else action.dest.upper()
    )
    if not action.option_strings:
        many = action.nargs in ("*", "+")
        return [f"{value} ..." if many else str(value)]
    return [name if action.nargs == 0 else f"{name} {value}" for name in action.option_strings]


class _Plugin:
    """Takes the options of the pytest plugin down, as pytest does."""

    def __init__(self) -> None:
        self.parser = argparse.ArgumentParser()

    def getgroup(self, *_: object) -> _Plugin:
        return self

    def addoption(self, *names: str, **settings: object) -> None:
        self.parser.add_argument(*names, **settings)  # type: ignore[arg-type]


def plugin_parser() -> argparse.ArgumentParser:
    """Return the options that the pytest plugin adds to those of pytest."""
    taken = _Plugin()
    plugin.pytest_addoption(cast("pytest.Parser", taken))
    return taken.parser


def page() -> str:
    """Return the whole page."""
    parts = [
        "# Options and exit statuses",
        "All of them, for each verb of the `bayou` command.",
        "`bayou VERB --help` (`-h`) tells the same, `bayou help` which verbs there are.",
        "`bayou --version` tells its version.",
        "Without a verb, or with one that there is not, the exit status of `bayou` is 2.",
        "This page is made from the programs themselves: `python3 -m tests.options_page > docs/options.md`.",
    ]
    for verb, parser in parsers().items():
        parts += [
            f"## bayou {verb}",
            f"{parser.description} {ALSO[verb]}",
            _table("option", options_of(parser)),
        ]
        parts.append(_table("exit status", list(STATUSES[verb].items())))
    parts += [
        "## pytest",
        "What the plugin, which comes with the package, adds to pytest's own options and statuses.",
        _table("option", options_of(plugin_parser())),
    ]
    return "\n\n".join(parts) + "\n"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"| `{first}` | {second.replace('|', '&#124;')} |" for first, second in rows]
    return "\n".join(
        [
            f"| {title} | what it does |" if title == "option" else f"| {title} | when |",
            "| --- | --- |",
            *lines,
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
