"""What stores are made of: a few calls that a replica within this process and a session with a server both
answer, in terms of the core."""

from __future__ import annotations

from bayou.core.execute import CONFLICT, outcome_words
from bayou.core.replica import COMMITTED
from bayou.core.rows import check_collection, check_row
from bayou.core.values import of_value, to_value
from bayou.library.records import Change, Outcome, Row, WriteId

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.name import Name
    from bayou.core.values import JSON, Value
    from bayou.node.asks import Standing

    Edit = tuple[str, str, Value | None]
    """A write to be made: collection, key, and value, None to delete."""

    Told = tuple[str, str, Value | None, int | None, tuple[int, Name] | None]
    """A row that was changed: collection, key, value (None: deleted), CSN (None: tentative), write."""

    class Feed(Protocol):
        """What is read of changes."""

        def more(self, until: float | None) -> list[Change]:
            """Return the next changes, at the latest then (monotonic): none where nothing has come."""

    class Access(Protocol):
        """What a store asks. Keys and values are such as can be."""

        def row(self, collection: str, key: str, *, committed: bool) -> Seen | None:
            """Return a row as it is seen."""

        def page(
            self, collection: str, prefix: str, after: str | None, count: int, *, committed: bool
        ) -> list[Seen]:
            """Return up to ``count`` rows whose keys begin with ``prefix``, behind the key ``after``: fewer
            only where there are no more."""

        def write(self, edits: Sequence[Edit]) -> list[WriteId]:
            """Write, in this order, and return when that is durable."""

        def change(self, body: Body) -> WriteId:
            """Make a general write, and return when that is durable. ValueError where no server here can
            execute it."""

        def remove(self, collection: str, key: str) -> Seen | None:
            """Delete a row and return it as it was; None, and nothing is written, where there is none."""

        def collections(self) -> list[str]:
            """Return the collections that have rows, in order."""

        def feed(self, since: int | None, *, committed: bool) -> Feed:
            """Return what reads changes."""

        def pending(self) -> list[Told]:
            """Return its own writes that are tentative, in the order in which they were made."""

        def contended(self) -> list[tuple[str, str, list[Told]]]:
            """Return the rows that have tentative writes of several servers, with those writes."""

        def outcome(self, write: WriteId) -> Outcome:
            """Return how a write stands."""

        def wait_committed(self, write: WriteId, until: float | None) -> Outcome | None:
            """Return how a write stands once it is committed; None where that takes longer."""

        def status(self) -> dict[str, Any]:
            """Return what there is to be told of it."""

        def close(self) -> None:
            """Let go of it."""


PAGE = 256
"""How many rows are read at a time."""


def write_id(write: tuple[int, Name] | None) -> WriteId | None:
    """Return a write as users name it."""
    return None if write is None else WriteId(write[0], repr(write[1]))


def shown_row(seen: Seen) -> Row:
    """Return a row for users."""
    key, value, is_committed, write = seen
    return Row(key, of_value(value), is_committed, write_id(write))


def shown_change(told: Told, resume: int | None = None) -> Change:
    """Return a change for users."""
    collection, key, value, csn, write = told
    return Change(collection, key, None if value is None else of_value(value), csn, write_id(write), resume)


def shown_outcome(standing: Standing) -> Outcome:
    """Return for users how a write stands."""
    result: str | None = None
    if standing.outcome is not None:
        result = outcome_words(standing.outcome)
    elif standing.state == COMMITTED and standing.csn is None:  # the log is truncated up to there
        result = outcome_words(CONFLICT) if standing.is_conflict else "done"
    parts = iter(standing.rows)
    return Outcome(standing.state, standing.csn, result, tuple(zip(parts, parts, strict=True)))


def edit(collection: str, key: str, value: JSON) -> Edit:
    """Return a write to be made. TypeError and ValueError for what no row can be."""
    if type(key) is not str:
        raise TypeError(f"a {type(key).__name__} as a key, where a text is due")
    if value is None:
        raise TypeError("None is no value of a row, which is there or not: delete it instead")
    made = to_value(value)
    check_row(collection, key, made)
    return collection, key, made


def deletion(collection: str, key: str) -> Edit:
    """Return a deletion to be made. TypeError and ValueError for what no row can be."""
    if type(key) is not str:
        raise TypeError(f"a {type(key).__name__} as a key, where a text is due")
    check_row(collection, key, None)
    return collection, key, None


def collection_name(name: str) -> str:
    """Return a name that a collection can have; TypeError or ValueError for another one."""
    if type(name) is not str:
        raise TypeError(f"a {type(name).__name__} as the name of a collection, where a text is due")
    check_collection(name)
    return name
