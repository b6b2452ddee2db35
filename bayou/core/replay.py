"""What writes make of rows, one after another, in dictionaries: the slow and obvious way, for checks."""

from __future__ import annotations

from bayou.core.body import body_of
from bayou.core.execute import CONFLICT, conflict_key, execute
from bayou.core.rows import CONFLICTS
from bayou.core.table import value_of
from bayou.core.write import CHANGE, DELETE, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.core.execute import Executed, Functions, Row
    from bayou.core.values import Value

    class Below(Protocol):
        """The rows that writes are carried out on: those of a base (bayou.core.past)."""

        def row(self, collection: str, key: str) -> tuple[str, str, Value | None, int] | None: ...
        def rows_under(
            self, collection: str, prefix: str, after: str | None, rows_max: int
        ) -> list[tuple[str, str, Value | None, int]]: ...


PAGE = 256
"""How many rows of the base are read at a time."""


class Replay:
    """The rows of a base, and what writes make of them: ``last`` has the last version of each row that has
    one, ``runs`` all of them, ``versions`` those of the last write."""

    def __init__(self, past: Below | None, functions: Functions | None) -> None:
        self._past = past
        self._functions = functions
        self.last: dict[Row, Write] = {}
        self.runs: dict[Row, list[Write]] = {}
        self.versions: dict[Row, Write] = {}

    def execute(self, write: Write) -> Executed | None:
        """Carry out a write; return what came of it where it is a general one."""
        executed = None
        versions = [write] if write.kind <= DELETE else []
        if write.kind == CHANGE:
            executed = execute(body_of(write.value), self, self._functions)  # type: ignore[arg-type]
            versions = [write.version(*row, value) for row, value in executed.changes.items()]
            if executed.outcome == CONFLICT:
                versions = [write.version(CONFLICTS, conflict_key(*write.place), write.value)]  # type: ignore[arg-type]
        self.versions = {(version.collection, version.key): version for version in versions}
        for row, version in self.versions.items():
            self.last[row] = version
            self.runs.setdefault(row, []).append(version)
        return executed

    def get(self, collection: str, key: str) -> Value | None:
        last = self.last.get((collection, key))
        if last is not None:
            return value_of(last)
        row = None if self._past is None else self._past.row(collection, key)
        return None if row is None else row[2]

    def rows(self, collection: str, prefix: str) -> list[tuple[str, Value]]:
        keys = {key for name, key in self.last if name == collection and key.startswith(prefix)}
        after: str | None = None
        while self._past is not None and (page := self._past.rows_under(collection, prefix, after, PAGE)):
            keys.update(row[1] for row in page)
            after = page[-1][1]
        found = [(key, self.get(collection, key)) for key in sorted(keys)]
        return [(key, value) for key, value in found if value is not None]
