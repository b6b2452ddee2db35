"""A notebook on the command line that works offline, on as many machines as you like.

    python3 notebook.py new                                    # a notebook of its own, or else:
    python3 notebook.py join 192.0.2.1:7474 --secret-file hub.bayou-secret
    python3 notebook.py add Groceries milk and bread
    python3 notebook.py list
    python3 notebook.py sync

The notebook is one file, `notebook.bayou` in this folder, or what `--file` or NOTEBOOK says. Only `join` and
`sync` use the network.

Two people may edit the same note while both are offline, and neither edit may get lost. So an edit never
overwrites: each version of a note is a row of its own, called NOTE/VERSION, and whoever edits a note deletes
the versions that he has seen. After a sync a note that was edited in two places has two versions; `list`
marks it, `show` shows both, and the next edit takes their place.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bayou

PENDING, TWICE = "*", "!"
ID_CHARACTERS = 8


class Complaint(Exception):
    """What the user is told, on one line."""


@dataclass
class Note:
    """A note: all its versions that stand side by side, the newest first."""

    id: str
    versions: list[bayou.Row]

    @property
    def newest(self) -> dict[str, Any]:
        value: dict[str, Any] = self.versions[0].value
        return value

    @property
    def marks(self) -> str:
        """``*``: something of it is not committed yet; ``!``: it was edited in two places."""
        is_pending = not all(row.committed for row in self.versions)
        return (PENDING if is_pending else " ") + (TWICE if len(self.versions) > 1 else " ")


def notes(db: bayou.Replica, prefix: str = "") -> Iterator[Note]:
    """Yield the notes whose ids begin with a prefix; all rows of a note are neighbours."""
    rows: list[bayou.Row] = []
    for row in filter(is_version, db["notes"].scan(prefix)):
        if rows and note_of(row) != note_of(rows[0]):
            yield gathered(rows)
            rows = []
        rows.append(row)
    if rows:
        yield gathered(rows)


def is_version(row: bayou.Row) -> bool:
    """Whether a row is one of ours: other programs may write to the same store."""
    match row.value:
        case {"title": str(), "text": str(), "changed": int()}:
            return "/" in row.key
    return False


def note_of(row: bayou.Row) -> str:
    return row.key.partition("/")[0]


def gathered(rows: list[bayou.Row]) -> Note:
    return Note(note_of(rows[0]), sorted(rows, key=lambda row: (row.value["changed"], row.key), reverse=True))


def find(db: bayou.Replica, id: str) -> Note:
    """Return the note whose id begins so."""
    found = list(notes(db, id)) if id and "/" not in id else []
    if not found:
        raise Complaint(f"no note is called {id!r}: see what `list` shows")
    if len(found) > 1:
        raise Complaint(f"{len(found)} notes begin with {id!r}: {', '.join(note.id for note in found)}")
    return found[0]


def write(db: bayou.Replica, id: str, title: str, text: str, seen: list[bayou.Row]) -> None:
    """Put a version in the place of those that were seen. If the power fails between the two, both stand."""
    key = f"{id}/{secrets.token_hex(4)}"
    db["notes"][key] = {"title": title, "text": text, "changed": int(time.time() * 1000)}
    for row in seen:
        db["notes"].delete(row.key)


def shown(text: str) -> str:
    """Return a text without what a terminal might obey: notes also come from others."""
    return "".join(
        char if char in "\n\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def one_line(text: str, most: int = 60) -> str:
    line = " ".join(shown(text).split())
    return line if len(line) <= most else line[: most - 3] + "..."


def text_from(words: list[str], before: str) -> str:
    """Return a text given as words, or on standard input (``-``), or from an editor."""
    if words == ["-"]:
        return sys.stdin.read().rstrip("\n")
    if words:
        return " ".join(words)
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "note.txt")
        path.write_text(before + "\n")
        try:
            subprocess.run([*command, str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Complaint(f"the editor failed, and nothing was changed: {error}") from error
        return path.read_text().rstrip("\n")


# The commands. Each is given what stands on the command line, and the notebook where it needs one.


def new(options: argparse.Namespace) -> None:
    begin(options.file)
    with bayou.open(options.file):
        print(f"{options.file} is a new notebook. `bayou serve --data {options.file}` lets others join it.")


def join(options: argparse.Namespace) -> None:
    begin(options.file)
    kept = Path(f"{options.file}-secret")
    is_copied = options.secret_file is not None and not kept.exists()
    if is_copied:
        try:
            kept.touch(mode=0o600)
            shutil.copyfile(options.secret_file, kept)
        except OSError as error:
            kept.unlink(missing_ok=True)
            raise Complaint(f"the secret can't be copied to {kept}: {error}") from error
    try:
        with bayou.open(options.file, join=options.address) as db:
            print(f"{options.file} has joined, with {count(len(list(notes(db))), 'note')}.")
    except BaseException:
        if is_copied:  # so that it can be tried again with another one
            kept.unlink()
        raise


def begin(file: str) -> None:
    if os.path.exists(file):
        raise Complaint(f"{file} is there already: use it, or name another one with --file")


def add(db: bayou.Replica, options: argparse.Namespace) -> None:
    id = secrets.token_hex(ID_CHARACTERS // 2)
    write(db, id, options.title, text_from(options.text, "") if options.text else "", [])
    print(id)


def edit(db: bayou.Replica, options: argparse.Namespace) -> None:
    note = find(db, options.id)
    title = options.title or note.newest["title"]
    both = "\n\n".join(row.value["text"] for row in note.versions)
    text = note.newest["text"] if options.title and not options.text else text_from(options.text, both)
    write(db, note.id, title, text, note.versions)


def delete(db: bayou.Replica, options: argparse.Namespace) -> None:
    for row in find(db, options.id).versions:
        db["notes"].delete(row.key)


def listed(db: bayou.Replica, options: argparse.Namespace) -> None:
    words = [word.casefold() for word in getattr(options, "words", ())]
    found = [
        note
        for note in notes(db)
        if all(
            any(word in f"{row.value['title']}\n{row.value['text']}".casefold() for row in note.versions)
            for word in words
        )
    ]
    for note in sorted(found, key=lambda note: (-note.newest["changed"], note.id)):
        print(f"{note.id} {note.marks} {day(note.newest)}  {one_line(note.newest['title'])}")


def day(version: dict[str, Any]) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(version["changed"] / 1000))


def show(db: bayou.Replica, options: argparse.Namespace) -> None:
    note = find(db, options.id)
    if len(note.versions) > 1:
        print(f"This note was edited in {len(note.versions)} places; `edit {note.id}` makes one of them.\n")
    for number, row in enumerate(note.versions):
        state = "" if row.committed else ", pending"
        print("\n" * bool(number) + f"{one_line(row.value['title'])}  ({day(row.value)}{state})")
        if row.value["text"]:
            print(f"\n{shown(row.value['text'])}")


def pending(db: bayou.Replica, options: argparse.Namespace) -> None:
    changes = db.pending()
    for change in changes:
        id = change.key.partition("/")[0]
        what = "a version goes" if change.value is None else one_line(change.value["title"])
        print(f"{id}  {what}")
    if not changes:
        print("Nothing is pending: all that was written here is committed.")


def sync(db: bayou.Replica, options: argparse.Namespace) -> None:
    report = db.sync(options.address, timeout_s=options.timeout)
    print(f"sent {report.sent}, received {report.received}, committed {report.committed}")
    if report.why_stopped != "level":
        raise Complaint(f"it ended early ({report.why_stopped}): sync again")
    twice = sum(len(note.versions) > 1 for note in notes(db))
    if twice:
        print(f"{count(twice, 'note')} edited in two places: `list` marks {TWICE}")


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="notebook", description="A notebook that works offline.")
    made.add_argument(
        "--file",
        default=os.environ.get("NOTEBOOK", "notebook.bayou"),
        help="the notebook (default: %(default)s)",
    )
    verbs = made.add_subparsers(metavar="COMMAND", required=True)

    def verb(does: Any, name: str, help: str) -> argparse.ArgumentParser:
        own = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        own.set_defaults(does=does, begins=does in (new, join))
        return own

    verb(new, "new", "begin a notebook of its own")
    own = verb(join, "join", "begin one that is shared; this needs the network once")
    own.add_argument("address", metavar="HOST:PORT", help="a server that has it")
    own.add_argument("--secret-file", metavar="FILE", help="the secret of that server, which is copied")
    own = verb(add, "add", "add a note, and print its id")
    own.add_argument("title")
    own.add_argument("text", nargs="*", help="what it says; - is standard input")
    own = verb(edit, "edit", "edit a note")
    own.add_argument("id", help="its id, or how that begins")
    own.add_argument("text", nargs="*", help="what it is to say; - is standard input; none: your editor")
    own.add_argument("--title", help="its new title; without a text that stays")
    verb(delete, "delete", "delete a note").add_argument("id")
    verb(listed, "list", f"list all notes ({PENDING} pending, {TWICE} edited in two places)")
    verb(listed, "search", "list the notes that have all these words").add_argument("words", nargs="+")
    verb(show, "show", "show a note").add_argument("id")
    verb(pending, "pending", "list what was written here and is not committed yet")
    own = verb(sync, "sync", "send what is new here, and get what is new elsewhere")
    own.add_argument("address", nargs="?", metavar="HOST:PORT", help="with whom (default: whoever is known)")
    own.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="(default: 30)")
    return made


def main() -> int:
    options = parser().parse_args()
    try:
        if options.begins:
            options.does(options)
            return 0
        try:
            db = bayou.open(options.file, create=False)
        except FileNotFoundError:
            raise Complaint(f"there is no notebook {options.file}: begin one with `new` or `join`") from None
        with db:
            options.does(db, options)
    except (Complaint, bayou.Error, ValueError, OSError) as error:
        print(f"notebook: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
