"""Stores and their collections, as programs use them (Terry '95)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import ItemsView, KeysView, Mapping, MutableMapping, ValuesView
from time import monotonic
from typing import Any

from bayou.core.rows import CONFLICTS
from bayou.library.access import (
    PAGE,
    collection_name,
    deletion,
    edit,
    shown_change,
    shown_row,
)
from bayou.library.records import Change, Conflict, Outcome, Row, WriteId
from bayou.library.writes import body_of_write, resolution, shown_conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from bayou.core.database import Seen
    from bayou.core.values import JSON
    from bayou.library.access import Access
    from bayou.library.writes import Write


class Store(ABC):
    """Collections of rows: a ``Replica`` in this process, or a ``Session`` with servers elsewhere.

    ``store[name]`` is a collection; names are 1 to 64 of ``a-z``, ``0-9``, ``_`` and ``-``. A collection
    exists as soon as a row of it does. Every method may be called from any thread; calls wait for each other.
    A store is closed at the end of a ``with`` statement.

    >>> import bayou
    >>> with bayou.open(":memory:") as db:
    ...     db["notes"]["monday"] = {"text": "buy milk", "done": False}
    ...     db.collections(), db["notes"]["monday"]["text"]
    (['notes'], 'buy milk')
    """

    __slots__ = ("__weakref__",)

    @property
    @abstractmethod
    def _access(self) -> Access: ...

    def __getitem__(self, name: str) -> Collection:
        """Return the collection of that name, whether or not it has rows. ValueError, TypeError where none
        can have it."""
        return Collection(self, collection_name(name))

    def collections(self) -> list[str]:
        """Return the names of the collections that have rows, in order."""
        return self._access.collections()

    def changes(
        self, since: int | None = None, *, committed: bool = True, timeout_s: float | None = None
    ) -> Iterator[Change]:
        """Go through what was changed, in the order of commitment, and wait for more.

        Without ``since`` the present committed rows come first. With the ``resume`` of a change that was seen
        earlier it goes on behind that one; TooOld is raised where what was deleted since is no longer known.
        Values that were overwritten meanwhile may be left out. With ``committed=False`` tentative changes
        come too, as rows stand: they have no CSN, come again when they are committed, and may be taken back.

        It ends when nothing has come for ``timeout_s`` seconds; never where that is None; 0 is what there is
        now. Nothing comes in by itself to a replica that is not kept synced: somebody has to write, or to
        sync.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db["notes"].update({"monday": "milk", "tuesday": "bread"})
        ...     [(change.key, change.value, change.csn) for change in db.changes(timeout_s=0)]
        [('monday', 'milk', 1), ('tuesday', 'bread', 2)]
        """
        feed = self._access.feed(since, committed=committed)
        while True:
            found = feed.more(None if timeout_s is None else monotonic() + timeout_s)
            if not found:
                return
            yield from found

    def pending(self) -> list[Change]:
        """Return the rows that writes of its own have changed which are not committed yet, in the order in
        which those were made."""
        return [shown_change(told) for told in self._access.pending()]

    def contended(self) -> dict[tuple[str, str], list[Change]]:
        """Return the rows that have tentative writes of more than one server side by side, by (collection,
        key), with those writes in accept order: the last one is what is seen now."""
        return {
            (collection, key): [shown_change(told) for told in writes]
            for collection, key, writes in self._access.contended()
        }

    def write(self, write: Write) -> WriteId:
        """Make a general write, and return it when it is durable: ``outcome`` tells what came of it.
        TypeError and ValueError for what can't be, before anything is written.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     sold = bayou.Write("tea").add(db["stock"], "tea", -2).add(db["sold"], "tea", 2)
        ...     db.outcome(db.write(sold))
        Outcome(state='committed', csn=1, result='applied', rows=(('stock', 'tea'), ('sold', 'tea')))
        """
        return self._access.change(body_of_write(write))

    def conflicts(self, *, committed: bool = False) -> list[Conflict]:
        """Return the general writes of which nothing fitted and that nobody has resolved yet, in the order in
        which they were accepted, near enough; with ``committed`` those alone of which that is final."""
        found: list[Conflict] = []
        after: str | None = None
        while True:
            page = self._access.page(CONFLICTS, "", after, PAGE, committed=committed)
            found += map(shown_conflict, page)
            if len(page) < PAGE:
                return found
            after = page[-1][0]

    def resolve(self, conflict: Conflict) -> WriteId:
        """Take a conflict off that list, for whoever has dealt with it: a write by the name of
        ``resolve-NAME``.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     write = db.write(bayou.Write("late").delete("tasks", "7").if_present("tasks", "7"))
        ...     (conflict,) = db.conflicts()
        ...     _ = db.resolve(conflict)
        ...     conflict.write == write, db.conflicts()
        (True, [])
        """
        return self._access.change(resolution(conflict))

    def outcome(self, write: WriteId) -> Outcome:
        """Return how a write stands where this store is asked.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db.outcome(db["notes"].put("monday", "milk")).state
        'committed'
        """
        return self._access.outcome(write)

    def wait_committed(self, write: WriteId, timeout_s: float | None = None) -> Outcome | None:
        """Wait until a write is committed, and return how it then stands; None where that takes longer than
        ``timeout_s`` seconds (None: any time)."""
        return self._access.wait_committed(write, None if timeout_s is None else monotonic() + timeout_s)

    def status(self) -> dict[str, Any]:
        """Return what there is to be told of it, for people and logs: JSON values, by what they are
        called."""
        return self._access.status()

    def close(self) -> None:
        """Let go of all that it holds; may be called twice."""
        self._access.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Collection(MutableMapping[str, Any]):
    """The rows of one collection, as a mapping from key to value, in the order of keys.

    Keys are texts of up to 1,024 bytes in UTF-8; values are JSON values other than None of up to 1 MiB.
    TypeError and ValueError say what can't be, before anything is written. What comes back is a fresh copy:
    to change a row, put it again.

    >>> import bayou
    >>> db = bayou.open(":memory:")
    >>> notes = db["notes"]
    >>> notes["monday"] = ["milk"]
    >>> "monday" in notes, "sunday" in notes, len(notes), list(notes)
    (True, False, 1, ['monday'])
    >>> notes["monday"] = (1, 2)
    Traceback (most recent call last):
    TypeError: a tuple is no JSON value
    >>> db.close()
    """

    __slots__ = ("_store", "name")

    def __init__(self, store: Store, name: str) -> None:
        """Not for users: ``store[name]`` is one."""
        self._store = store
        self.name = name

    @property
    def _access(self) -> Access:
        return self._store._access

    def row(self, key: str, *, committed: bool = False) -> Row | None:
        """Return a row with what is known of it, None where there is none; with ``committed`` as the
        committed writes alone make it.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db["notes"]["monday"] = "milk"
        ...     db["notes"].row("monday").committed
        True
        """
        seen = self._seen(key, committed=committed)
        return None if seen is None else shown_row(seen)

    def _seen(self, key: str, *, committed: bool = False) -> Seen | None:
        collection, key, _ = deletion(self.name, key)
        return self._access.row(collection, key, committed=committed)

    def __getitem__(self, key: str) -> Any:
        """Return the value of a row; KeyError where there is none."""
        row = self.row(key)
        if row is None:
            raise KeyError(key)
        return row.value

    def get(self, key: str, default: Any = None, *, committed: bool = False) -> Any:
        """Return the value of a row, or ``default`` where there is none; with ``committed`` as the committed
        writes alone make it."""
        row = self.row(key, committed=committed)
        return default if row is None else row.value

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._seen(key) is not None

    def put(self, key: str, value: JSON) -> WriteId:
        """Give a row a value, and return the write when it is durable.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db["notes"].put("monday", {"done": True}).server
        '<>'
        """
        return self._access.write([edit(self.name, key, value)])[0]

    def __setitem__(self, key: str, value: JSON) -> None:
        self.put(key, value)

    def delete(self, key: str) -> WriteId:
        """Delete a row, which need not be there, and return the write when it is durable."""
        return self._access.write([deletion(self.name, key)])[0]

    def __delitem__(self, key: str) -> None:
        """Delete a row; KeyError where there is none."""
        collection, key, _ = deletion(self.name, key)
        if self._access.remove(collection, key) is None:
            raise KeyError(key)

    def pop(self, key: str, *default: Any) -> Any:
        """Return the value of a row, and delete it; ``default`` where there is none, KeyError where that is
        not given. Of several threads that take a row of a replica one gets it; of several sessions more may,
        as each decides by what its server has.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db["jobs"]["first"] = 1
        ...     db["jobs"].pop("first"), db["jobs"].pop("first", None)
        (1, None)
        """
        collection, key, _ = deletion(self.name, key)
        seen = self._access.remove(collection, key)
        if seen is not None:
            return shown_row(seen).value
        if default:
            return default[0]
        raise KeyError(key)

    def update(  # type: ignore[override]  # the fourth form of MutableMapping is this one too
        self, other: Mapping[str, JSON] | Iterable[tuple[str, JSON]] = (), /, **named: JSON
    ) -> None:
        """Give several rows values, in this order: one request, and one sync of the disk, for all of them.
        They are writes of their own: others may see some of them first.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db["notes"].update({"monday": "milk"}, tuesday="bread")
        ...     dict(db["notes"])
        {'monday': 'milk', 'tuesday': 'bread'}
        """
        pairs = list(other.items() if isinstance(other, Mapping) else other) + list(named.items())
        edits = [edit(self.name, key, value) for key, value in pairs]
        if edits:
            self._access.write(edits)

    def clear(self) -> None:
        """Delete all rows that are there now."""
        while keys := [seen[0] for seen in self._scan(limit=PAGE)]:
            self._access.write([deletion(self.name, key) for key in keys])

    def scan(
        self, prefix: str = "", *, start: str | None = None, limit: int | None = None, committed: bool = False
    ) -> Iterator[Row]:
        """Go through the rows whose keys begin with ``prefix``, in the order of keys (by code point): those
        from the key ``start`` on, up to ``limit`` of them. They are read some at a time, each as it then is.

        >>> import bayou
        >>> with bayou.open(":memory:") as db:
        ...     db["notes"].update({"a/1": 1, "a/2": 2, "b/1": 3})
        ...     [row.key for row in db["notes"].scan("a/", start="a/2")]
        ['a/2']
        """
        for text in (prefix, start):
            if text is not None and type(text) is not str:
                raise TypeError(f"a {type(text).__name__} where a text is due")
        return map(shown_row, self._scan(prefix, start, limit, committed=committed))

    def _scan(
        self, prefix: str = "", start: str | None = None, limit: int | None = None, *, committed: bool = False
    ) -> Iterator[Seen]:
        after: str | None = None
        if start is not None and start > prefix:
            after = start
            if start.startswith(prefix) and limit != 0:
                seen = self._access.row(self.name, start, committed=committed)
                if seen is not None:
                    yield seen
                    limit = None if limit is None else limit - 1
        while limit is None or limit > 0:
            count = PAGE if limit is None else min(PAGE, limit)
            page = self._access.page(self.name, prefix, after, count, committed=committed)
            yield from page
            if len(page) < count:
                return
            after = page[-1][0]
            limit = None if limit is None else limit - count

    def __iter__(self) -> Iterator[str]:
        return (seen[0] for seen in self._scan())

    def __len__(self) -> int:
        """Return how many rows there are; a step for each."""
        return sum(1 for _ in self._scan())

    def keys(self) -> KeysView[str]:
        return KeysView(self)

    def items(self) -> ItemsView[str, Any]:
        return _Items(self)

    def values(self) -> ValuesView[Any]:
        return _Values(self)

    def __repr__(self) -> str:
        return f"<the collection {self.name} of {self._store!r}>"


class _Items(ItemsView[str, Any]):
    """As they are read, without asking for each row again."""

    _mapping: Collection

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((row.key, row.value) for row in self._mapping.scan())


class _Values(ValuesView[Any]):
    _mapping: Collection

    def __iter__(self) -> Iterator[Any]:
        return (row.value for row in self._mapping.scan())


for _class in (Store, Collection):
    _class.__module__ = "bayou"
