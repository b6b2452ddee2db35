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
"""An entry and its tick are rows of their own, under the same key: people change them apart."""

NAME_MOST = 24


def adding(facts: Facts) -> bayou.Write:
    return bayou.Write(name_of(f"add {facts['text']}")).new(ITEMS, facts["key"], entry(facts, "text"))


def editing(facts: Facts) -> bayou.Write:
    """Return the write that changes an entry that is as it was seen; where two changes differ, both stay."""
    key, changed = facts["key"], entry(facts, "text")
    write = bayou.Write(name_of(f"edit {key}: {facts['text']}"))
    for name in names(key):
        write = write.set(ITEMS, name, changed).if_is(ITEMS, name, entry(facts, "seen")).otherwise()
    write = write.if_is(ITEMS, key, changed)  # somebody has changed it in the same way
    return write.otherwise().new(ITEMS, key, changed)


def ticking(facts: Facts) -> bayou.Write:
    write = bayou.Write(name_of(f"tick {facts['key']}: {facts['seen']}"))
    for name in names(facts["key"]):
        write = write.set(TICKS, name, True).if_is(ITEMS, name, entry(facts, "seen")).otherwise()
    return write  # the last alternative: it was changed or deleted, and stays as it is


def deleting(facts: Facts) -> bayou.Write:
    write = bayou.Write(name_of(f"delete {facts['key']}: {facts['seen']}"))
    for name in names(facts["key"]):
        write = write.delete(ITEMS, name).delete(TICKS, name)
        write = write.if_is(ITEMS, name, entry(facts, "seen")).otherwise()
    return write


def entry(facts: Facts, text: str) -> dict[str, str]:
    """Return the row of an entry: which one it is, whatever it is called, and what it says."""
    return {"id": facts["entry"], "text": facts[text]}


def names(key: str) -> list[str]:
    """Return where an entry that was seen under this name may be by then: the names that `new` may have given
    it when others turned out to be first. One of some others is left alone, and both are kept."""
    name, _, number = key.rpartition("-")
    base = name if name and number.isdecimal() else key
    return list(dict.fromkeys([key, base, *(f"{base}-{number}" for number in range(2, 6))]))


def tells(db: bayou.Replica, facts: Facts, outcome: bayou.Outcome) -> str:
    """Say what has come of a change."""
    key, does = facts["key"], facts["does"]
    if outcome.result == "conflict":
        return f"{quoted(facts['text'])} is not on the list: 99 entries are called {key}"
    got = next((key for _, key in outcome.rows), None)  # what it is called by now
    now = text_of(db[ITEMS].get(got or key))
    if does in ("tick", "delete"):
        if got is None:
            what = "is not ticked off" if does == "tick" else "stays"
            return f"{key} {what}: " + (
                "somebody has deleted it" if now is None else f"somebody has changed it to {quoted(now)}"
            )
        return f"{got} is {'ticked off' if does == 'tick' else 'deleted'}"
    is_new = does == "add" or outcome.result == f"merged {len(names(key)) + 1}"
    if is_new and got != key:
        other = text_of(db[ITEMS].get(key))
        first = "gone again" if other is None else quoted(other)
        return f"both are kept: {key} is {first}, and yours is {got}, {quoted(facts['text'])}"
    if is_new and does == "edit":
        return f"{key} is {quoted(facts['text'])}: it is back, somebody had deleted it"
    return f"{got or key} is {quoted(facts['text'])}"


def text_of(value: object) -> str | None:
    """Return the text of an entry; None for what is none: other programs may write to the same store."""
    match value:
        case {"id": str(), "text": str(text)}:
            return text
    return None


def quoted(text: str) -> str:
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


def text_from(options: argparse.Namespace) -> str:
    text = " ".join(" ".join(options.words).split())
    if not text:
        raise Complaint("an entry has a text")
    return text


def add(db: bayou.Replica, options: argparse.Namespace) -> int:
    text, id = text_from(options), secrets.token_hex(4)
    facts = {"id": id, "does": "add", "key": name_from(text), "entry": id, "text": text}
    return COMMANDS.make(db, adding(facts), facts)


def edit(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = about(db, options, "edit") | {"text": text_from(options)}
    return COMMANDS.make(db, editing(facts), facts)


def tick(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = about(db, options, "tick")
    return COMMANDS.make(db, ticking(facts), facts)


def delete(db: bayou.Replica, options: argparse.Namespace) -> int:
    facts = about(db, options, "delete")
    return COMMANDS.make(db, deleting(facts), facts)


def about(db: bayou.Replica, options: argparse.Namespace, does: str) -> Facts:
    """Return what is known here of an entry that is to be changed."""
    found = db[ITEMS].get(options.name)
    if text_of(found) is None:
        raise Complaint(f"no entry is called {options.name!r}: see what `list` shows")
    facts = {"id": secrets.token_hex(4), "does": does, "key": options.name}
    return facts | {"entry": found["id"], "seen": found["text"]}


def listed(db: bayou.Replica, options: argparse.Namespace) -> None:
    ticks = {row.key: row for row in db[TICKS].scan()}
    rows = [row for row in db[ITEMS].scan() if text_of(row.value) is not None]
    for row in rows:
        tick = ticks.get(row.key)
        box = "[x]" if tick is not None and tick.value is True else "[ ]"
        print(mark(row, tick), box, one_line(f"{row.key}: {row.value['text']}", 100))
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
