"""A bibliography that several people keep, offline too, as in the paper by Terry and others (1995).

    python3 bibliography.py join 192.0.2.1:7474 --secret-file hub.bayou-secret
    python3 bibliography.py add Terry95 "Managing Update Conflicts in Bayou" --by Terry --year 1995
    python3 bibliography.py list
    python3 bibliography.py sync

Two people who enter papers while they are offline may choose one key for two papers, or enter one paper
under two keys. So the entry is a general write: it is made under the key, or with -2, -3 ... behind it
where that is taken, and only where no paper of that title is there. What is cited should not change any
more: until an entry is final its key may.
"""

from __future__ import annotations

import argparse
import secrets
import sys

import bayou

from common import App, Commands, Complaint, Facts, mark, name_of, one_line, word

PAPERS = "papers"


def entry(facts: Facts) -> bayou.Write:
    """Return the write that enters a paper once, under a key of its own.

    The check asks for the title, whatever the key. It walks all papers; for very many of them, let a row of a
    collection of titles stand for each.
    """
    paper = {name: facts[name] for name in ("id", "title", "by", "year", "same")}
    return (
        bayou.Write(name_of(f"{facts['key']}: {facts['title']}"))
        .new(PAPERS, facts["key"], paper)
        .if_none(PAPERS, "", ("same", "=", facts["same"]))
        .otherwise()
        .if_some(PAPERS, "", ("same", "=", facts["same"]))  # it is there: nothing is to be done
    )  # where neither fits, 99 papers have the key: that is for a person


def removal(facts: Facts) -> bayou.Write:
    """Return the write that removes the paper that was seen under a key. Where another one has come to stand
    there a person has to look again."""
    return (
        bayou.Write(name_of(f"remove {facts['key']}: {facts['title']}"))
        .delete(PAPERS, facts["key"])
        .if_meets(PAPERS, facts["key"], ("id", "=", facts["id"]))
        .otherwise()
        .if_none(PAPERS, "", ("id", "=", facts["id"]))  # somebody has removed it already
    )


def same(title: str) -> str:
    """Return what is alike where titles differ in capitals, blanks and punctuation only."""
    return " ".join("".join(char if char.isalnum() else " " for char in title.casefold()).split())


def tells(db: bayou.Replica, facts: Facts, outcome: bayou.Outcome) -> str:
    """Say what has come of an entry, or of a removal."""
    title, wanted = quoted(facts["title"]), facts["key"]
    if facts.get("is_removed"):
        if outcome.result == "conflict":
            return f"{title} is not removed: it is no longer called {wanted}; look again"
        return f"{title} is removed"
    if outcome.result == "conflict":
        return f"{title} is not entered: 99 papers are called {wanted}; choose another key"
    if outcome.result == "applied":
        key = outcome.rows[0][1]  # which one `new` has found
        other = db[PAPERS].get(wanted)
        if key == wanted:
            return f"{title} is entered as {key}"
        what = quoted(other["title"]) if is_paper(other) else "another paper"
        return f"{title} is entered as {key}, because {what} was {wanted} first"
    found = next((row.key for row in papers(db) if row.value["same"] == facts["same"]), None)
    as_what = "" if found is None else f", as {found}"  # somebody may have removed it since
    return f"{title} was there already{as_what}: it is entered once"


def quoted(text: str) -> str:
    return f'"{text}"'


def is_paper(value: object) -> bool:
    """Whether a value is one of ours: other programs may write to the same store."""
    match value:
        case {"id": str(), "title": str(), "by": str(), "year": str(), "same": str()}:
            return True
    return False


def papers(db: bayou.Replica) -> list[bayou.Row]:
    return [row for row in db[PAPERS].scan() if is_paper(row.value)]


def add(db: bayou.Replica, options: argparse.Namespace) -> int:
    title = " ".join(" ".join(options.title).split())
    facts = {
        "id": secrets.token_hex(4),
        "key": word(options.key, "key"),
        "title": title,
        "by": options.by,
        "year": options.year,
        "same": same(title),
    }
    if not facts["same"]:
        raise Complaint(f"{title!r} is no title")
    return COMMANDS.make(db, entry(facts), facts)


def remove(db: bayou.Replica, options: argparse.Namespace) -> int:
    paper = db[PAPERS].get(options.key)
    if not is_paper(paper):
        raise Complaint(f"no paper is called {options.key!r}: see what `list` shows")
    facts = {"id": paper["id"], "key": options.key, "title": paper["title"], "is_removed": True}
    return COMMANDS.make(db, removal(facts), facts)


def listed(db: bayou.Replica, options: argparse.Namespace) -> None:
    words, count = [each.casefold() for each in options.words], 0
    for row in papers(db):
        paper = row.value
        more = ", ".join(filter(None, (paper["by"], paper["year"])))
        text = f"{row.key}: {paper['title']}" + (f" ({more})" if more else "")
        if all(each in text.casefold() for each in words):
            print(mark(row), one_line(text, 150))
            count += 1
    if not count:
        print("No papers.")


COMMANDS = Commands(App("bibliography", "Keep a bibliography together, offline too.", tells))


def main() -> int:
    own = COMMANDS.verb(add, "add", "enter a paper, unless it is there already")
    own.add_argument("key", help="what it is to be cited as; it gets -2 or so where that is taken")
    own.add_argument("title", nargs="+")
    own.add_argument("--by", default="", metavar="NAMES", help="who wrote it")
    own.add_argument("--year", default="")
    COMMANDS.verb(remove, "remove", "remove a paper").add_argument("key")
    own = COMMANDS.verb(listed, "list", "list the papers that have all these words")
    own.add_argument("words", nargs="*", metavar="word")
    return COMMANDS.run()


if __name__ == "__main__":
    sys.exit(main())
