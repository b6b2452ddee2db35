"""Stores and their collections for asyncio: the names of bayou.library.stores, as coroutines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from time import monotonic
from typing import Any

from bayou.core.rows import CONFLICTS
from bayou.library.access import PAGE, collection_name, deletion, edit, shown_change, shown_row
from bayou.library.records import Change, Conflict, Outcome, Row, WriteId
from bayou.library.writes import body_of_write, resolution, shown_conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from types import TracebackType
    from typing import Protocol, Self

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.values import JSON
    from bayou.library.access import Edit, Told
    from bayou.library.writes import Write

    class AsyncFeed(Protocol):
        """See bayou.library.access.Feed."""

        async def more(self, until: float | None) -> list[Change]: ...

    class AsyncAccess(Protocol):
        """See bayou.library.access.Access."""

        async def row(self, collection: str, key: str, *, committed: bool) -> Seen | None: ...
        async def page(
            self, collection: str, prefix: str, after: str | None, count: int, *, committed: bool
        ) -> list[Seen]: ...
        async def write(self, edits: Sequence[Edit]) -> list[WriteId]: ...
        async def change(self, body: Body) -> WriteId: ...
        async def remove(self, collection: str, key: str) -> Seen | None: ...
        async def collections(self) -> list[str]: ...
        async def feed(self, since: int | None, *, committed: bool) -> AsyncFeed: ...
        async def pending(self) -> list[Told]: ...
        async def contended(self) -> list[tuple[str, str, list[Told]]]: ...
        async def outcome(self, write: WriteId) -> Outcome: ...
        async def wait_committed(self, write: WriteId, until: float | None) -> Outcome | None: ...
        async def status(self) -> dict[str, Any]: ...
        async def close(self) -> None: ...


class Store(ABC):
    """Collections of rows, for the tasks of one event loop: what ``bayou.Store`` is to threads.

    ``store[name]`` is a collection. A store is closed at the end of an ``async with`` statement.
    """

    __slots__ = ("__weakref__",)

    @property
    @abstractmethod
    def _access(self) -> AsyncAccess: ...

    def __getitem__(self, name: str) -> Collection:
        """As of ``bayou.Store``."""
        return Collection(self, collection_name(name))

    async def collections(self) -> list[str]:
        """As of ``bayou.Store``."""
        return await self._access.collections()

    async def changes(
        self, since: int | None = None, *, committed: bool = True, timeout_s: float | None = None
    ) -> AsyncIterator[Change]:
        """As of ``bayou.Store``; to be gone through by ``async for``."""
        feed = await self._access.feed(since, committed=committed)
        while found := await feed.more(None if timeout_s is None else monotonic() + timeout_s):
            for change in found:
                yield change

    async def pending(self) -> list[Change]:
        """As of ``bayou.Store``."""
        return [shown_change(told) for told in await self._access.pending()]

    async def contended(self) -> dict[tuple[str, str], list[Change]]:
        """As of ``bayou.Store``."""
        return {
            (collection, key): [shown_change(told) for told in writes]
            for collection, key, writes in await self._access.contended()
        }

    async def write(self, write: Write) -> WriteId:
        """As of ``bayou.Store``."""
        return await self._access.change(body_of_write(write))

    async def conflicts(self, *, committed: bool = False) -> list[Conflict]:
        """As of ``bayou.Store``."""
        found: list[Conflict] = []
        after: str | None = None
        while True:
            page = await self._access.page(CONFLICTS, "", after, PAGE, committed=committed)
            found += map(shown_conflict, page)
            if len(page) < PAGE:
                return found
            after = page[-1][0]

    async def resolve(self, conflict: Conflict) -> WriteId:
        """As of ``bayou.Store``."""
        return await self._access.change(resolution(conflict))

    async def outcome(self, write: WriteId) -> Outcome:
        """As of ``bayou.Store``."""
        return await self._access.outcome(write)

    async def wait_committed(self, write: WriteId, timeout_s: float | None = None) -> Outcome | None:
        """As of ``bayou.Store``."""
        return await self._access.wait_committed(
            write, None if timeout_s is None else monotonic() + timeout_s
        )

    async def status(self) -> dict[str, Any]:
        """As of ``bayou.Store``."""
        return await self._access.status()

    async def close(self) -> None:
        """Let go of all that it holds; may be called twice."""
        await self._access.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class Collection:
    """The rows of one collection: what ``bayou.Collection`` is to threads, by coroutines.

    ``await notes.get(key)``, ``await notes.put(key, value)``, ``async for row in notes.scan()``.
    """

    __slots__ = ("_store", "name")

    def __init__(self, store: Store, name: str) -> None:
        """Not for users: ``store[name]`` is one."""
        self._store = store
        self.name = name

    @property
    def _access(self) -> AsyncAccess:
        return self._store._access

    async def row(self, key: str, *, committed: bool = False) -> Row | None:
        """As of ``bayou.Collection``."""
        collection, key, _ = deletion(self.name, key)
        seen = await self._access.row(collection, key, committed=committed)
        return None if seen is None else shown_row(seen)

    async def get(self, key: str, default: Any = None, *, committed: bool = False) -> Any:
        """As of ``bayou.Collection``."""
        row = await self.row(key, committed=committed)
        return default if row is None else row.value

    async def put(self, key: str, value: JSON) -> WriteId:
        """As of ``bayou.Collection``. Writes that several tasks begin at once share a sync of the disk."""
        return (await self._access.write([edit(self.name, key, value)]))[0]

    async def delete(self, key: str) -> WriteId:
        """As of ``bayou.Collection``."""
        return (await self._access.write([deletion(self.name, key)]))[0]

    async def pop(self, key: str, *default: Any) -> Any:
        """As of ``bayou.Collection``."""
        collection, key, _ = deletion(self.name, key)
        seen = await self._access.remove(collection, key)
        if seen is not None:
            return shown_row(seen).value
        if default:
            return default[0]
        raise KeyError(key)

    async def update(
        self, other: Mapping[str, JSON] | Iterable[tuple[str, JSON]] = (), /, **named: JSON
    ) -> None:
        """As of ``bayou.Collection``."""
        pairs = list(other.items() if isinstance(other, Mapping) else other) + list(named.items())
        edits = [edit(self.name, key, value) for key, value in pairs]
        if edits:
            await self._access.write(edits)

    async def clear(self) -> None:
        """Delete all rows that are there now."""
        while keys := [row.key async for row in self.scan(limit=PAGE)]:
            await self._access.write([deletion(self.name, key) for key in keys])

    async def count(self) -> int:
        """Return how many rows there are; a step for each."""
        return sum([1 async for _ in self.scan()])

    async def scan(
        self, prefix: str = "", *, start: str | None = None, limit: int | None = None, committed: bool = False
    ) -> AsyncIterator[Row]:
        """As of ``bayou.Collection``; to be gone through by ``async for``."""
        for text in (prefix, start):
            if text is not None and type(text) is not str:
                raise TypeError(f"a {type(text).__name__} where a text is due")
        after: str | None = None
        if start is not None and start > prefix:
            after = start
            if start.startswith(prefix) and limit != 0:
                seen = await self._access.row(self.name, start, committed=committed)
                if seen is not None:
                    yield shown_row(seen)
                    limit = None if limit is None else limit - 1
        while limit is None or limit > 0:
            count = PAGE if limit is None else min(PAGE, limit)
            page = await self._access.page(self.name, prefix, after, count, committed=committed)
            for seen in page:
                yield shown_row(seen)
            if len(page) < count:
                return
            after = page[-1][0]
            limit = None if limit is None else limit - count

    def __aiter__(self) -> AsyncIterator[str]:
        return self._keys()

    async def _keys(self) -> AsyncIterator[str]:
        async for row in self.scan():
            yield row.key

    def __repr__(self) -> str:
        return f"<the collection {self.name} of {self._store!r}>"


for _class in (Store, Collection):
    _class.__module__ = "bayou.aio"
