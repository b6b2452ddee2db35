"""What the programs in this folder share: a file with a replica, `sync`, and the news of what was written
here.

A program makes general writes (`Commands.make`) and says in its own words what has come of one: `tells`.
What comes of a write may change until it is committed, so the last words that people were told of each are
kept, in `FILE-mine` beside the replica, until it is final; `sync` tells what has become another story
since. It is a list for this machine alone: were it lost, only that news would be.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bayou

DONE, FAILED, UNFIT = 0, 1, 3
"""Exit statuses: done; an error, which has changed nothing; something that was written here does not fit.
That of a command line which is none is 2."""

NAME_CHARACTERS = 64
PENDING = "*"

Facts = dict[str, Any]
"""What a program has to know of a write of its own to tell of it: JSON, with the `id` of the thing."""


class Complaint(Exception):
    """What the user is told, on one line."""


@dataclass
class App:
    """A program: what it is called, what it is for, and how it tells what has come of a write of its own: a
    sentence without its full stop."""

    name: str
    purpose: str
    tells: Callable[[bayou.Replica, Facts, bayou.Outcome], str]

    @property
    def variable(self) -> str:
        return self.name.upper()


class Mine:
    """The writes that were made here and are not final, with what people were told of them last."""

    def __init__(self, file: str) -> None:
        self._path = Path(f"{file}-mine")

    def read(self) -> list[Facts]:
        if not self._path.exists():
            return []
        try:
            found: list[Facts] = json.loads(self._path.read_text(encoding="utf-8"))
            for entry in found:
                bayou.WriteId.parse(entry["write"]), entry["facts"]["id"], entry["told"]
        except (ValueError, TypeError, LookupError, AttributeError):
            raise Complaint(f"{self._path} is damaged: remove it, which loses only news") from None
        return found

    def keep(self, entries: list[Facts]) -> None:
        """Keep these and no others; whole, or not at all."""
        made = self._path.with_name(f"{self._path.name}-new")
        made.touch(mode=0o600)
        made.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        os.replace(made, self._path)


class Commands:
    """The command line of a program: `new`, `join`, `sync`, `mine`, `problems` and `dismiss`, and what the
    program adds with `verb`."""

    def __init__(self, app: App) -> None:
        self.app = app
        file = os.environ.get(app.variable, f"{app.name}.bayou")
        self._parser = argparse.ArgumentParser(
            prog=app.name,
            description=app.purpose,
            epilog=f"{PENDING} marks what may still change, until a sync has reached the primary. "
            f"Exit status: {DONE} done, {FAILED} an error, 2 no such command, "
            f"{UNFIT} something that was written here does not fit: somebody has to look.",
        )
        self._parser.add_argument(
            "--file", default=file, help=f"the replica (default: ${app.variable}, or {app.name}.bayou)"
        )
        self._verbs = self._parser.add_subparsers(metavar="COMMAND", required=True)
        self.verb(self._new, "new", "begin anew, for others to join", begins=True)
        own = self.verb(self._join, "join", "join others; this needs the network once", begins=True)
        own.add_argument("address", metavar="HOST:PORT", help="a server that they use")
        own.add_argument("--secret-file", metavar="FILE", help="the secret of that server, which is copied")

    def verb(
        self, does: Callable[..., int | None], name: str, help: str, *, begins: bool = False
    ) -> argparse.ArgumentParser:
        """Add a command, which is given the replica and the options, and returns an exit status (None: 0)."""
        own = self._verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        own.set_defaults(does=does, begins=begins)
        return own

    def run(self) -> int:
        """Carry out what stands on the command line; return the exit status."""
        self.verb(self._tell_all, "mine", "tell how what was written here and is not final stands")
        self.verb(self._problems, "problems", "list what did not fit, whoever wrote it")
        own = self.verb(self._dismiss, "dismiss", "take a problem off that list, once it is dealt with")
        own.add_argument("number", type=int, help="as `problems` has it")
        own = self.verb(self._sync, "sync", "send what is new here, get what is new elsewhere, and tell news")
        own.add_argument("address", nargs="?", metavar="HOST:PORT", help="with whom (default: who is known)")
        own.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="(default: 30)")
        options = self._parser.parse_args()
        self.mine = Mine(options.file)
        try:
            if options.begins:
                options.does(options)
                return DONE
            try:
                db = bayou.open(options.file, create=False)
            except FileNotFoundError:
                raise Complaint(f"there is no {options.file}: begin it with `new` or `join`") from None
            with db:
                status: int = options.does(db, options) or DONE
                return status
        except (Complaint, bayou.Error, ValueError, OSError) as error:
            print(f"{self.app.name}: {error}", file=sys.stderr)
            return FAILED

    def make(self, db: bayou.Replica, write: bayou.Write, facts: Facts) -> int:
        """Make a general write, and tell what has come of it so far; return the exit status."""
        # What was told of an earlier write about the same thing is of no interest any more.
        others = [entry for entry in self.mine.read() if entry["facts"]["id"] != facts["id"]]
        made = db.write(write)
        self.mine.keep([*others, {"write": str(made), "facts": facts, "told": ""}])
        return self.news(db)

    def news(self, db: bayou.Replica, *, is_all: bool = False) -> int:
        """Tell what has become of the writes that were made here where that is another story than the last
        one, and forget those that are final; return the exit status."""
        status, kept = DONE, []
        for entry in self.mine.read():
            outcome = db.outcome(bayou.WriteId.parse(entry["write"]))
            if outcome.state == "unknown":  # the file is not the one that it was written into
                print(f"Nothing is known here any more of: {entry['told']}.")
                continue
            is_final = outcome.state == "committed"
            if outcome.result == "done":  # committed so long ago that the log does not go back that far
                print(f"Settled, and `list` shows what there is now: {entry['told']}.")
                continue
            told = one_line(self.app.tells(db, entry["facts"], outcome), 300)
            if is_all or is_final or told != entry["told"]:
                print(f"{told}. {'This is final.' if is_final else 'This may still change.'}")
                status = UNFIT if outcome.result == "conflict" else status
            if not is_final:
                kept.append({**entry, "told": told})
        self.mine.keep(kept)
        return status

    # The commands that all programs have.

    def _new(self, options: argparse.Namespace) -> None:
        begin(options.file)
        with bayou.open(options.file):
            print(f"{options.file} is new. `bayou serve --data {options.file}` lets others join it.")

    def _join(self, options: argparse.Namespace) -> None:
        begin(options.file)
        kept = Path(f"{options.file}-secret")
        is_copied = options.secret_file is not None and not kept.exists()
        try:
            if is_copied:
                kept.touch(mode=0o600)
                shutil.copyfile(options.secret_file, kept)
            with bayou.open(options.file, join=options.address):
                print(f"{options.file} has joined {options.address}.")
        except BaseException:
            if is_copied:  # so that it can be tried again with another one
                kept.unlink(missing_ok=True)
            raise

    def _tell_all(self, db: bayou.Replica, options: argparse.Namespace) -> int:
        if not self.mine.read():
            print("All that was written here is final.")
        return self.news(db, is_all=True)

    def _sync(self, db: bayou.Replica, options: argparse.Namespace) -> int:
        report = db.sync(options.address, timeout_s=options.timeout)
        if report.why_stopped == "level":
            print("Synced.")
        status = self.news(db)
        if report.why_stopped != "level":
            raise Complaint(f"the sync ended early ({report.why_stopped}): do it again")
        return status

    def _problems(self, db: bayou.Replica, options: argparse.Namespace) -> None:
        found = db.conflicts()
        for number, conflict in enumerate(found, 1):
            print(f"{number}{' ' if conflict.committed else PENDING} {one_line(conflict.name, 300)}")
        if not found:
            print("No problems.")

    def _dismiss(self, db: bayou.Replica, options: argparse.Namespace) -> None:
        db.resolve(problem(db, options.number))


def problem(db: bayou.Replica, number: int) -> bayou.Conflict:
    """Return the problem that has this number in the list; one that is final."""
    found = db.conflicts()
    if not 1 <= number <= len(found):
        raise Complaint(f"there is no problem {number}: see what `problems` lists")
    conflict = found[number - 1]
    if not conflict.committed:
        raise Complaint(
            f"problem {number} may still settle itself: sync until `problems` has no {PENDING} there"
        )
    return conflict


def begin(file: str) -> None:
    if os.path.exists(file):
        raise Complaint(f"{file} is there already: use it, or name another one with --file")


def name_of(text: str) -> str:
    """Return a text as the name of a write: what `problems` lists, on whatever machine."""
    return one_line(text, NAME_CHARACTERS)


def one_line(text: str, most: int) -> str:
    """Return a text on one line, without what a terminal might obey: it may come from others."""
    line = " ".join(text.split())
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return line if len(line) <= most else line[: most - 3] + "..."


def mark(*rows: bayou.Row | None) -> str:
    return " " if all(row is None or row.committed for row in rows) else PENDING


def word(text: str, what: str) -> str:
    """Check a word that becomes a part of a key."""
    if not text or "/" in text or not text.isprintable():
        raise Complaint(f"{text!r} is no {what}: one or more characters are due, without a slash")
    return text
