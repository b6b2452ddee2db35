"""A to-do list for several people who are offline, that keeps both of two things where others would lose
one.

    python3 todo.py join 192.0.2.1:7474 --secret-file hub.bayou-secret
    python3 todo.py add Buy milk
    python3 todo.py edit buy-milk Buy oat milk
    python3 todo.py tick buy-milk
    python3 todo.py sync

Each change says what it has seen. Of two entries with one name both stay, the later one as NAME-2; of two
edits of one entry both stay in the same way. Who ticks off or deletes means the text that he has read:
where somebody has changed that meanwhile, the entry stays as it is now, and he is told. No change needs a
person to decide.
"""

from __future__ import annotations

import argparse
import secrets
import sys

import bayou

from common import App, Commands, Complaint, Facts, mark, name_of, one_line

ITEMS, TICKS = "items", "ticks"
"""The text of an entry and its tick are rows of their own, under the same key: people change them apart."""

NAME_MOST = 24


def adding(facts: Facts) -> bayou.Write:
    return bayou.Write(name_of(f"add {facts['text']}")).new(ITEMS, facts["key"], facts["text"])


def editing(facts: Facts) -> bayou.Write:
    """Return the write that changes a text where it is as it was seen; where two differ, both stay."""
    key, text = facts["key"], facts["text"]
    return (
        bayou.Write(name_of(f"edit {key}: {text}"))
        .set(ITEMS, key, text)
        .if_is(ITEMS, key, facts["seen"])
        .otherwise()
        .if_is(ITEMS, key, text)  # somebody has changed it in the same way
        .otherwise()
        .new(ITEMS, key, text)
    )


def ticking(facts: Facts) -> bayou.Write:
    key = facts["key"]
    return (
        bayou.Write(name_of(f"tick {key}: {facts['seen']}"))
        .set(TICKS, key, True)
        .if_is(ITEMS, key, facts["seen"])
        .otherwise()
    )


def deleting(facts: Facts) -> bayou.Write:
    key = facts["key"]
    return (
        bayou.Write(name_of(f"delete {key}: {facts['seen']}"))
        .delete(ITEMS, key)
        .delete(TICKS, key)
        .if_is(ITEMS, key, facts["seen"])
        .otherwise()
        .if_absent(ITEMS, key)
        .otherwise()
    )


def tells(db: bayou.Replica, facts: Facts, outcome: bayou.Outcome) -> str:
    """Say what has come of a change."""
    key, does, result = facts["key"], facts["does"], outcome.result
    now = db[ITEMS].get(key)
    if result == "conflict":
        return f"{quoted(facts['text'])} is not on the list: 99 entries are called {key}"
    if does == "tick":
        if result == "merged 1":
            return f"{key} is not ticked off: {changed(now)}"
        return f"{key} is ticked off"
    if does == "delete":
        return f"{key} stays: {changed(now)}" if result == "merged 2" else f"{key} is deleted"
    got = next((key for name, key in outcome.rows if name == ITEMS), key)
    if got != key:
        first = "gone again" if now is None else quoted(now)
        return f"both are kept: {key} is {first}, and yours is {got}, {quoted(facts['text'])}"
    if does == "edit" and result == "merged 2":
        return f"{key} is {quoted(facts['text'])}: it is back, somebody had deleted it"
    return f"{key} is {quoted(facts['text'])}"


def changed(now: object) -> str:
    return "somebody has deleted it" if now is None else f"somebody has changed it to {quoted(now)}"


def quoted(text: object) -> str:
    return f'"{text}"'


def name_from(text: str) -> str:
    """Return what an entry is called: its first words, as buy-milk."""
    words = "".join(char if char.isalnum() else " " for char in text.casefold()).split()
    name = ""
    for each in words:
        if len(name) + len(each) >= NAME_MOST:
            break
        name += f"-{each}" if name else each
    return name or (words[0][:NAME_MOST] if words else "entry")


def seen(db: bayou.Replica, key: str) -> str:
    """Return the text of an entry as it is known here."""
    text = db[ITEMS].get(key)
    if not isinstance(text, str):
        raise Complaint(f"no entry is called {key!r}: see what `list` shows")
    return text


def text_of(options: argparse.Namespace) -> str:
    text = " ".join(" ".join(options.words).split())
    if not text:
        raise Complaint("an entry has a text")
    return text


def add(db: bayou.Replica, options: argparse.Namespace) -> int:
    text = text_of(options)
    facts = {"id": secrets.token_hex(4), "does": "add", "key": name_from(text), "text": text}
    return COMMANDS.make(db, adding(facts), facts)


def edit(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = about(db, options, "edit") | {"text": text_of(options)}
    return COMMANDS.make(db, editing(facts), facts)


def tick(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = about(db, options, "tick")
    return COMMANDS.make(db, ticking(facts), facts)


def delete(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = about(db, options, "delete")
    return COMMANDS.make(db, deleting(facts), facts)


def about(db: bayou.Replica, options: argparse.Namespace, does: str) -> Facts:
    return {"id": secrets.token_hex(4), "does": does, "key": options.name, "seen": seen(db, options.name)}


def listed(db: bayou.Replica, options: argparse.Namespace) -> None:
    ticks = {row.key: row for row in db[TICKS].scan()}
    rows = [row for row in db[ITEMS].scan() if isinstance(row.value, str)]
    for row in rows:
        tick = ticks.get(row.key)
        box = "[x]" if tick is not None and tick.value is True else "[ ]"
        print(mark(row, tick), box, one_line(f"{row.key}: {row.value}", 100))
    if not rows:
        print("Nothing is on the list.")


COMMANDS = Commands(App("todo", "Keep a list of things to do together, offline too.", tells))


def main() -> int:
    own = COMMANDS.verb(add, "add", "add an entry")
    own.add_argument("words", nargs="+", metavar="word", help="what is to be done")
    own = COMMANDS.verb(edit, "edit", "change the text of an entry")
    own.add_argument("name", help="what the entry is called, as `list` shows")
    own.add_argument("words", nargs="+", metavar="word", help="what it is to say")
    COMMANDS.verb(tick, "tick", "tick an entry off").add_argument("name")
    COMMANDS.verb(delete, "delete", "delete an entry").add_argument("name")
    COMMANDS.verb(listed, "list", "list all entries")
    return COMMANDS.run()


if __name__ == "__main__":
    sys.exit(main())
