"""``bayou write``, ``outcome``, ``conflicts`` and ``resolve``: general writes, from a shell."""

from __future__ import annotations

import argparse

import bayou
from bayou._arguments import seconds
from bayou._statuses import EXIT_FAILED
from bayou.serving.rows import add_committed, run, shown, store_parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.library.records import Conflict, Outcome
    from bayou.library.stores import Store
    from bayou.library.writes import Write

NO_RESULT = "-"
"""What came of a put or a delete."""


def write(arguments: Sequence[str], prog: str = "bayou write") -> int:
    """Make a general write; return the exit status."""
    about = (
        "Make a write that says what it expects of rows, and what to do where they are otherwise; print, "
        "when it is durable, which write it is and, as bayou outcome does, what came of it. UPDATES: set ROW "
        "VALUE, del ROW, new ROW VALUE, add ROW N, insert ROW TEXT, remove ROW TEXT, joined by and; or "
        "nothing. "
        "CONDITIONS: is ROW VALUE, absent ROW, present ROW, meets ROW WHERE, none PREFIX WHERE, some PREFIX "
        "WHERE, atmost N PREFIX WHERE, atleast N PREFIX WHERE, joined by and. WHERE: any number of where "
        "FIELD OP VALUE. ROW: COLLECTION/KEY; PREFIX: COLLECTION/ or COLLECTION/PREFIX. VALUE: a whole "
        'number, true, false, JSON that begins with {, [ or ", else a text. Options stand before NAME.'
    )
    made = store_parser(prog, about)
    made.add_argument("name", metavar="NAME", help="what it is called, for those who read of it")
    made.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="UPDATES [if CONDITIONS] [else UPDATES [if CONDITIONS]] ...",
        help="what it does, and when, and what to do otherwise, a word each; or all of it as one",
    )
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        words = options.words
        print(written(store, write_of(options.name, words[0] if len(words) == 1 else words)))
        return 0

    return run(options, does)


def outcome(arguments: Sequence[str], prog: str = "bayou outcome") -> int:
    """Print what came of a write; return the exit status."""
    about = (
        "Print what came of a write: applied, merged N (the Nth behind else), conflict, done where that is "
        f"no longer known, {NO_RESULT} for a put or a delete; whether it is committed or tentative; and the "
        "rows that it changed, as far as they are known; with tabs between them. Nothing, and exit status 1, "
        "where there is no such write."
    )
    made = store_parser(prog, about)
    made.add_argument("write", metavar="WRITE", help="which one: as bayou write has printed, 17@<> or such")
    made.add_argument(
        "--wait", type=seconds, metavar="SECONDS", help="wait so long for it to be committed, at most"
    )
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        which = bayou.WriteId.parse(options.write)
        found = store.wait_committed(which, options.wait) if options.wait is not None else None
        found = found or store.outcome(which)
        if found.state == "unknown":
            return EXIT_FAILED
        print(shown_outcome(found))
        return 0

    return run(options, does)


def conflicts(arguments: Sequence[str], prog: str = "bayou conflicts") -> int:
    """Print conflicts; return the exit status."""
    about = (
        "Print the writes of which nothing fitted, and that nobody has resolved yet: each as what it is "
        "called by servers and by people, its body as JSON, and whether it is committed or tentative, with "
        "tabs between them."
    )
    made = store_parser(prog, about)
    add_committed(made)
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        for conflict in store.conflicts(committed=options.committed):
            print(shown_conflict(conflict))
        return 0

    return run(options, does)


def resolve(arguments: Sequence[str], prog: str = "bayou resolve") -> int:
    """Take a conflict off the list; return the exit status."""
    about = "Take a write off the list of conflicts, for whoever has dealt with it."
    made = store_parser(prog, about)
    made.add_argument("write", metavar="WRITE", help="which one: as bayou conflicts prints it, 17@<> or such")
    options = made.parse_args(arguments)

    def does(store: Store) -> int:
        store.resolve(conflict_of(store, options.write))
        return 0

    return run(options, does)


# What the prompt does too.


def write_of(name: str, words: str | Sequence[str]) -> Write:
    """Return the write that words describe, or a line of them; ValueError where they describe none."""
    from bayou.core.values import of_value
    from bayou.families.store.phrases import body_of_words
    from bayou.script.grammar import BadLine

    try:
        body = body_of_words(name, words)
    except BadLine as error:
        raise ValueError(str(error)) from error
    return bayou.Write.of(of_value(body.text))  # type: ignore[arg-type]  # it has the form of an object


def written(store: Store, write: Write) -> str:
    """Make a write, and return the line that tells of it."""
    which = store.write(write)
    try:
        return f"{which}\t{shown_outcome(store.outcome(which))}"
    except bayou.Error:
        print(which)  # which is durable all the same
        raise


def conflict_of(store: Store, which: str) -> Conflict:
    """Return a conflict; Error where that write is none."""
    wanted = bayou.WriteId.parse(which)
    for conflict in store.conflicts():
        if conflict.write == wanted:
            return conflict
    raise bayou.Error(f"{which} is no conflict there: bayou conflicts lists them")


def shown_outcome(outcome: Outcome) -> str:
    """Return how a write stands, as a line."""
    rows = [f"{collection}/{key}" for collection, key in outcome.rows]
    return "\t".join([outcome.result or NO_RESULT, outcome.state, *rows])


def shown_conflict(conflict: Conflict) -> str:
    """Return a conflict as a line."""
    state = "committed" if conflict.committed else "tentative"
    return f"{conflict.write}\t{conflict.name}\t{shown(conflict.body)}\t{state}"
