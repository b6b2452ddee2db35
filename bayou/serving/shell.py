"""``bayou shell``: a prompt for the rows of a store."""

from __future__ import annotations

import argparse
import sys

from bayou.library.records import WriteId
from bayou.serving.rows import add_store, opened, row_of, scanned, shown, told, value_of
from bayou.serving.writes import conflict_of, shown_conflict, shown_outcome, write_of, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayou.library.stores import Store

PROMPT = "bayou> "


def shell(arguments: Sequence[str], prog: str = "bayou shell") -> int:
    """Carry out what is typed, to the end; return the exit status."""
    made = argparse.ArgumentParser(
        prog=prog,
        description="Read commands from the terminal, or from standard input, and carry them out on "
        "the rows of a store; help lists them. All are of one session.",
        epilog="exit status: 0 at the end of what is typed; 1 where the store can't be opened or "
        "reached, or, where it is no terminal, as soon as a command can't be carried out; 2 on a wrong "
        "option; 3, 65, 74 and 75 as of bayou put.",
    )
    add_store(made)
    options = made.parse_args(arguments)

    def work() -> int:
        with opened(options) as store:
            return _Shell(store).run()

    return told(work)


class _Shell:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_terminal = sys.stdin.isatty()
        self._commands: dict[str, tuple[str, str, Callable[[str], None]]] = {
            "get": ("ROW", "print the value of a row", self._get),
            "put": ("ROW VALUE", "give a row a value, JSON or a text", self._put),
            "delete": ("ROW", "delete a row", self._delete),
            "scan": ("[COLLECTION[/PREFIX]]", "print rows", self._scan),
            "collections": ("", "print the names of collections", self._collections),
            "pending": ("", "print the writes of one's own that are tentative", self._pending),
            "contended": ("", "print rows that several servers have changed side by side", self._contended),
            "write": ("NAME UPDATES ...", "make a write, as bayou write --help says", self._write),
            "outcome": ("WRITE", "print what came of a write", self._outcome),
            "conflicts": ("", "print the writes of which nothing fitted", self._conflicts),
            "resolve": ("WRITE", "take one off that list", self._resolve),
            "changes": ("[CSN]", "print what was changed (since then)", self._changes),
            "sync": ("[HOST:PORT]", "bring this replica and a server level", self._sync),
            "status": ("", "print what there is to be told of the store", self._status),
            "help": ("", "print this", self._help),
        }

    def run(self) -> int:
        """Carry out lines until there is none, or quit."""
        if self._is_terminal:
            try:
                import readline  # noqa: F401  # editing and history for input()
            except ImportError:
                pass
        while True:
            try:
                line = input(PROMPT if self._is_terminal else "").strip()
            except EOFError:
                if self._is_terminal:
                    print()
                return 0
            word, _, rest = line.partition(" ")
            if word in ("quit", "exit"):
                return 0
            if word and not word.startswith("#"):
                status = told(lambda word=word, rest=rest: self._carry_out(word, rest.strip()))  # type: ignore[misc]
                if status and not self._is_terminal:
                    return status
            sys.stdout.flush()

    def _carry_out(self, word: str, rest: str) -> int:
        command = self._commands.get(word)
        if command is None:
            raise ValueError(f"{word!r:.40} is no command: help lists them")
        command[2](rest)
        return 0

    def _get(self, rest: str) -> None:
        rows, key = row_of(self._store, rest)
        row = rows.row(key)
        if row is None:
            print("(there is no such row)")
        else:
            print(f"{shown(row.value)}{'' if row.committed else '  (tentative)'}")

    def _put(self, rest: str) -> None:
        row, _, value = rest.partition(" ")
        if not value.strip():
            raise ValueError("put ROW VALUE: a value is missing")
        rows, key = row_of(self._store, row)
        rows.put(key, value_of(value.strip()))

    def _delete(self, rest: str) -> None:
        rows, key = row_of(self._store, rest)
        rows.delete(key)

    def _scan(self, rest: str) -> None:
        for line in scanned(self._store, rest):
            print(line)

    def _collections(self, rest: str) -> None:
        for name in self._store.collections():
            print(name)

    def _pending(self, rest: str) -> None:
        for change in self._store.pending():
            print(f"{change.collection}/{change.key}\t{shown(change.value)}\t{change.write}")

    def _contended(self, rest: str) -> None:
        for (collection, key), writes in self._store.contended().items():
            for change in writes:
                print(f"{collection}/{key}\t{shown(change.value)}\t{change.write}")

    def _write(self, rest: str) -> None:
        name, _, updates = rest.partition(" ")
        print(written(self._store, write_of(name, updates)))

    def _outcome(self, rest: str) -> None:
        found = self._store.outcome(WriteId.parse(rest))
        print("(there is no such write)" if found.state == "unknown" else shown_outcome(found))

    def _conflicts(self, rest: str) -> None:
        for conflict in self._store.conflicts():
            print(shown_conflict(conflict))

    def _resolve(self, rest: str) -> None:
        self._store.resolve(conflict_of(self._store, rest))

    def _changes(self, rest: str) -> None:
        since = int(rest) if rest else None
        for change in self._store.changes(since, timeout_s=0):
            print(f"{change.csn}\t{change.collection}/{change.key}\t{shown(change.value)}")

    def _sync(self, rest: str) -> None:
        from bayou.library.replica import Replica

        if not isinstance(self._store, Replica):
            raise ValueError("a session with a server needs no sync: it has no rows of its own")
        report = self._store.sync(rest or None)
        print(
            f"{report.why_stopped}: {report.sent} sent, {report.received} received, {report.committed} "
            "committed"
        )

    def _status(self, rest: str) -> None:
        for name, value in self._store.status().items():
            print(f"{name} {value if isinstance(value, str) else shown(value)}")

    def _help(self, rest: str) -> None:
        for word, (arguments, does, _) in self._commands.items():
            print(f"{word:12}{arguments:24}{does}")
        print(f"{'quit':36}end")
