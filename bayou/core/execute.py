"""Execution of a general write: one atomic step on the rows as all writes before it left them (Terry '95,
"Dependency checks", "Merge procedures").

``execute`` takes a body and a view, and returns what comes of it, what it changes, and what it read. It knows
nothing of logs, stamps or marks, so that every server comes to the same answer, at whatever time.
"""

from __future__ import annotations

from bayou.core.body import (
    ABSENT,
    ADD,
    ATLEAST,
    ATMOST,
    DELETE,
    EQUAL,
    INSERT,
    IS,
    ITSELF,
    NEW,
    PRESENT,
    SET,
    WHOLE_MAX,
    made_body,
)
from bayou.core.rows import CONFLICTS, BadRow, check_row
from bayou.core.values import canonical, of_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from bayou.core.body import Alternative, Body, Call, Condition, Query, Update, Where
    from bayou.core.name import Name
    from bayou.core.values import JSON, Value

    Row = tuple[str, str]
    """A row by its collection and key."""

    Changes = dict[Row, Value | None]
    """What becomes of rows: a value, or None for a deletion."""

    class View(Protocol):
        """The rows as they stand before a write."""

        def get(self, collection: str, key: str) -> Value | None:
            """Return the value of a row, None where there is none."""

        def rows(self, collection: str, prefix: str) -> Iterable[tuple[str, Value]]:
            """Go through the rows whose keys begin with ``prefix``, in the order of keys."""

    class Functions(Protocol):
        """The functions that this server has."""

        def missing(self, body: Body) -> tuple[str, int] | None:
            """Return the first function that a body needs and that is not here, or None."""

        def call(
            self,
            call: Call,
            get: Callable[[str, str], Value | None],
            select: Callable[[Query], Iterable[tuple[str, Value]]],
        ) -> Sequence[Update] | None:
            """Return the updates that a function answers, None where it does not fit."""


APPLIED = 0
CONFLICT = -1

KEYS_TRIED = 99
"""How far ``new`` counts for a key that is free."""

_MISSING = object()


class Executed:
    """What came of executing a body: ``outcome`` is APPLIED, the number of the alternative of its merge
    procedure, or CONFLICT; ``changes``, and what it read in the view: rows, and queries."""

    __slots__ = ("changes", "outcome", "queries", "rows")

    def __init__(self, outcome: int, changes: Changes, rows: tuple[Row, ...], queries: tuple[Query, ...]):
        self.outcome = outcome
        self.changes = changes
        self.rows = rows
        self.queries = queries


class _Unfit(Exception):
    """An update can't be carried out."""


def outcome_words(outcome: int) -> str:
    """Return an outcome as people read it.

    >>> [outcome_words(each) for each in (APPLIED, 2, CONFLICT)]
    ['applied', 'merged 2', 'conflict']
    """
    return "conflict" if outcome == CONFLICT else f"merged {outcome}" if outcome else "applied"


def conflict_key(stamp: int, server: Name) -> str:
    """Return the key of a write's row in ``!conflicts``: they sort in accept order, near enough.

    >>> from bayou.core.name import Name
    >>> conflict_key(7, Name.of((5,)))
    '00000000000000000007:00000000000000000005'
    """
    return f"{stamp:020}:{','.join([f'{part:020}' for part in server.stamps])}"


RESOLVED = "resolve-"
"""What the name of a write begins with that takes a conflict off the error log, before that one's name."""


def resolution(name: str, stamp: int, server: Name) -> Body:
    """Return the body that deletes the conflict of this name, which the write of that stamp and server left.
    BadBody where its name is too long for that of another write."""
    return made_body({"name": RESOLVED + name, "do": [[DELETE, CONFLICTS, conflict_key(stamp, server)]]})


def execute(body: Body, view: View, functions: Functions | None = None) -> Executed:
    """Carry out the first alternative that fits, whole, and return what comes of it."""
    reads = _Reads(view)
    for number, alternative in enumerate(body.alternatives):
        if all(_holds(condition, reads) for condition in alternative.conditions):
            changes = _carried_out(alternative, reads, functions)
            if changes is not None:
                return Executed(number, changes, tuple(reads.read_rows), tuple(reads.queries))
    return Executed(CONFLICT, {}, tuple(reads.read_rows), tuple(reads.queries))


class _Reads:
    """A view that remembers what was read in it. Dicts, as they keep an order."""

    __slots__ = ("_view", "queries", "read_rows")

    def __init__(self, view: View) -> None:
        self._view = view
        self.read_rows: dict[Row, Value | None] = {}
        self.queries: dict[Query, None] = {}

    def get(self, collection: str, key: str) -> Value | None:
        row = collection, key
        if row not in self.read_rows:
            self.read_rows[row] = self._view.get(collection, key)
        return self.read_rows[row]

    def select(self, query: Query) -> Iterable[tuple[str, Value]]:
        self.queries[query] = None
        collection, prefix, where = query
        return ((key, value) for key, value in self._view.rows(collection, prefix) if meets(value, where))


def _holds(condition: Condition, reads: _Reads) -> bool:
    word = condition.word
    if word in (ATMOST, ATLEAST):
        left = condition.count
        for _ in reads.select((condition.collection, condition.key, condition.where)):
            if left == 0:
                return word == ATLEAST
            left -= 1
        return word == ATMOST or left == 0
    value = reads.get(condition.collection, condition.key)
    if word == IS:
        return value == condition.value
    if word == ABSENT:
        return value is None
    return value is not None and (word == PRESENT or meets(value, condition.where))


def meets(value: Value, where: Sequence[Where]) -> bool:
    """Whether a row with that value meets all these conditions.

    >>> from bayou.core.body import where_of
    >>> meets('{"a":1}', where_of([["a", "<", 1.5]])), meets('{"a":1}', where_of([["a", "=", True]]))
    (True, False)
    """
    if not where:
        return True
    plain = of_value(value)
    return all(_meets_one(plain, each) for each in where)


def field_of(plain: JSON, field: str) -> str | None:
    """Return what a condition on that field looks at, in canonical form where it is a scalar; None where
    there is nothing to look at."""
    found = plain if field == ITSELF else plain.get(field, _MISSING) if type(plain) is dict else _MISSING
    return (
        None if found is _MISSING or isinstance(found, dict | list) or found is None else canonical(found, 0)
    )


def _meets_one(plain: JSON, where: Where) -> bool:
    field, operator, wanted = where
    found = plain if field == ITSELF else plain.get(field, _MISSING) if type(plain) is dict else _MISSING
    if found is _MISSING:
        return False
    if operator in (EQUAL, "!="):
        is_equal = type(found) not in (dict, list) and found is not None and canonical(found, 0) == wanted
        return is_equal == (operator == EQUAL)
    other = of_value(wanted)  # type: ignore[arg-type]
    for kinds in ((int, float), (str,)):
        if type(found) in kinds and type(other) in kinds:
            return _compare(found, operator, other)
    return False


def _compare(left: object, operator: str, right: object) -> bool:
    """Compare two numbers, or two texts by code point."""
    if operator == "<":
        return left < right  # type: ignore[operator, no-any-return]
    if operator == "<=":
        return left <= right  # type: ignore[operator, no-any-return]
    if operator == ">":
        return left > right  # type: ignore[operator, no-any-return]
    return left >= right  # type: ignore[operator, no-any-return]


def _carried_out(alternative: Alternative, reads: _Reads, functions: Functions | None) -> Changes | None:
    """Return what an alternative changes, or None where it can't be carried out."""
    updates: Sequence[Update] | None = alternative.updates
    if alternative.call is not None:
        updates = _called(alternative.call, reads, functions)
        if updates is None:
            return None
    changes: Changes = {}
    try:
        for update in updates or ():
            _carry_out(update, reads, changes)
    except _Unfit:
        return None
    return changes


def _called(call: Call, reads: _Reads, functions: Functions | None) -> Sequence[Update] | None:
    if functions is None:
        from bayou.core.errors import MissingFunction

        raise MissingFunction(call.function, call.version)
    return functions.call(call, reads.get, reads.select)


def _carry_out(update: Update, reads: _Reads, changes: Changes) -> None:
    """Add to ``changes`` what one update does, on top of them."""
    collection, key, word = update.collection, update.key, update.word

    def present(key: str) -> Value | None:
        # What it reads of its own changes is no read.
        return changes[collection, key] if (collection, key) in changes else reads.get(collection, key)

    if word == SET:
        changes[collection, key] = update.value  # type: ignore[assignment]
    elif word == DELETE:
        changes[collection, key] = None
    elif word == NEW:
        for number in range(1, KEYS_TRIED + 1):
            tried = key if number == 1 else f"{key}-{number}"
            _check(collection, tried, None)
            if present(tried) is None:
                changes[collection, tried] = update.value  # type: ignore[assignment]
                return
        raise _Unfit
    elif word == ADD:
        changes[collection, key] = _sum(present(key), update.count)
    else:
        value = _changed_set(present(key), word, update.text)
        _check(collection, key, value)
        changes[collection, key] = value


def _check(collection: str, key: str, value: Value | None) -> None:
    try:
        check_row(collection, key, value)
    except BadRow:
        raise _Unfit from None


def _sum(value: Value | None, count: int) -> Value:
    number = 0 if value is None else of_value(value)
    if type(number) is not int or not -WHOLE_MAX - 1 <= number + count <= WHOLE_MAX:
        raise _Unfit
    return canonical(number + count, 0)


def _changed_set(value: Value | None, word: str, text: str) -> Value:
    members = [] if value is None else of_value(value)
    if type(members) is not list or not all(type(each) is str for each in members):
        raise _Unfit
    kept = {*members, text} if word == INSERT else {*members} - {text}
    return canonical(sorted(kept), 1)
