"""A replica within a program of asyncio."""

from __future__ import annotations

from weakref import finalize

from bayou.core.replica import COMMITTED
from bayou.host.home import put_away
from bayou.library import local
from bayou.library.aistores import Store
from bayou.library.aiturner import LoopTurner
from bayou.library.carrying import export_file, import_file
from bayou.library.engine import Room, carry
from bayou.library.errors import Error
from bayou.library.feed import LocalFeed
from bayou.library.joining import COPIED, Joining
from bayou.library.opening import (
    MEMORY,
    Wanted,
    becoming_member,
    begin,
    check_alone,
    is_nobody,
    log,
    remove,
    retiring,
)
from bayou.library.reaching import address as address_of
from bayou.library.reaching import addresses as addresses_of
from bayou.library.reaching import check_secret
from bayou.library.records import Outcome, WriteId
from bayou.library.replica import FIRST, position
from bayou.library.syncing import syncing
from bayou.library.writes import Write
from bayou.wire.exports import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike
    from typing import Any

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.replica import Replica as CoreReplica
    from bayou.host.functions import Source
    from bayou.host.station import Station
    from bayou.library.access import Edit, Told
    from bayou.library.aistores import AsyncAccess, AsyncFeed
    from bayou.library.reaching import Secret
    from bayou.library.records import Change, SyncReport
    from bayou.library.tally import Tally
    from bayou.machine.messages import Message

    Does = Callable[[CoreReplica], Any]
    """Accepts writes, and returns which; it raises nothing."""


async def open(
    path: str | PathLike[str],
    *,
    join: str | Iterable[str] | None = None,
    secret: Secret | None = None,
    listen: str | None = None,
    keep_synced: Iterable[str] = (),
    create: bool = True,
    functions: Source | None = None,
) -> Replica:
    """Open the replica that is kept in a file, as ``bayou.open`` does, for the tasks of this event loop.
    There are no threads, with ``listen`` and ``keep_synced`` neither.

    >>> import asyncio, bayou.aio
    >>> async def main():
    ...     async with await bayou.aio.open(":memory:") as db:
    ...         await db["notes"].put("monday", "milk")
    ...         return await db["notes"].get("monday")
    >>> asyncio.run(main())
    'milk'
    """
    return await _open(Wanted.of(path, join, secret, listen, keep_synced, create=create, functions=functions))


async def _open(wanted: Wanted) -> Replica:
    station, tally = begin(wanted)
    turner = LoopTurner(station)
    is_new = is_nobody(station)
    try:
        made = Replica(turner, station, tally, wanted)
        await made._start()
        return made
    except BaseException:
        is_new = is_new and is_nobody(station)
        turner.close()
        if is_new and wanted.place != MEMORY:
            remove(wanted.place)
        raise


class Replica(Store):
    """A replica of the whole store within this program: what ``bayou.Replica`` is to threads, by coroutines.
    ``name`` and ``is_primary`` are properties here too."""

    __slots__ = ("_finalizer", "_local", "_station", "_tally", "_turner", "_wanted")

    def __init__(self, turner: LoopTurner, station: Station, tally: Tally, wanted: Wanted) -> None:
        """Not for users: ``bayou.aio.open`` makes one."""
        self._wanted = wanted
        self._use(turner, station, tally)

    def _use(self, turner: LoopTurner, station: Station, tally: Tally) -> None:
        self._turner = turner
        self._station = station
        self._tally = tally
        self._local = Local(turner, station)
        self._finalizer = finalize(self, turner.close)

    async def _start(self) -> None:
        """Become a member, and do what was wanted besides."""
        wanted = self._wanted
        await self._turner.run(becoming_member(self._station, wanted.joins))
        if wanted.is_first:
            log("info", FIRST.format(wanted.place))
        if wanted.kept_synced:
            await self.keep_synced(wanted.kept_synced)

    @property
    def _access(self) -> AsyncAccess:
        return self._local

    @property
    def name(self) -> str:
        """As of ``bayou.Replica``."""
        return self._turner.look(lambda: repr(local.replica(self._station).name))

    @property
    def is_primary(self) -> bool:
        """As of ``bayou.Replica``."""
        return self._turner.look(lambda: local.replica(self._station).is_primary)

    async def sync(self, address: str | None = None, timeout_s: float = 30) -> SyncReport:
        """As of ``bayou.Replica``."""
        given = None if address is None else address_of(address)
        plan = syncing(self._station, self._tally, given, self._wanted.joins, timeout_s)
        return await self._turner.run(plan)

    async def keep_synced(self, addresses: str | Iterable[str] = ()) -> None:
        """As of ``bayou.Replica``, without a thread."""
        found = addresses_of(addresses)
        check_secret(self._station)
        self._turner.act(lambda: self._station.dial_others((*self._wanted.joins, *found)))

    async def join(self, address: str, *, secret: Secret | None = None) -> None:
        """As of ``bayou.Replica``. Other tasks may read meanwhile; what they want written is an Error."""
        joining = Joining(self._wanted, address, secret)
        self._turner.look(lambda: check_alone(self._station))
        self._local.freeze(joining.while_it_goes_on)
        joined: Replica | None = None
        try:
            self._turner.act(self._station.seclude)
            self._turner.look(lambda: check_alone(self._station))  # until then somebody may have come
            joining.begin()
            joined = await _open(joining.beside)
            await self._copy_to(joined)
        except BaseException:
            self._local.freeze(None)
            if joined is not None:
                await joined.close()
            self._turner.act(self._station.come_back)
            raise
        await self.close()
        self._wanted = joining.after
        if joining.is_kept:
            await joined.close()
            joining.take_its_place()
            station, tally = begin(joining.after)
            self._use(LoopTurner(station), station, tally)
            await self._start()
        else:
            joined._finalizer.detach()
            self._use(joined._turner, joined._station, joined._tally)

    async def _copy_to(self, other: Replica) -> None:
        """Put all rows again, and make the writes again that are conflicts."""
        for name in await self.collections():
            page: list[tuple[str, Any]] = []
            async for row in self[name].scan():
                page.append((row.key, row.value))
                if len(page) == COPIED:
                    await other[name].update(page)
                    page = []
            if page:
                await other[name].update(page)
        for conflict in await self.conflicts():
            await other.write(Write.of(conflict.body))

    async def position(self) -> str:
        """As of ``bayou.Replica``."""
        return self._turner.look(lambda: position(self._station))

    async def export_to(self, path: str | PathLike[str], beyond: str | None = None) -> None:
        """As of ``bayou.Replica``; the event loop waits meanwhile."""
        export_file(self._station, self._carry, self._station.secrets, path, beyond)

    async def import_from(self, path: str | PathLike[str]) -> int:
        """As of ``bayou.Replica``; the event loop waits meanwhile."""
        station = self._station
        if station.is_in_doubt:
            await self._turner.wait(lambda: not station.is_in_doubt)
        self._local.check_thawed()
        return import_file(self._station, self._carry, self._station.secrets, path)

    def _carry(self, order: Message) -> Message:
        return self._turner.act(lambda: carry(self._station, order))

    async def retire(self, address: str) -> None:
        """As of ``bayou.Replica``."""
        await self._turner.run(retiring(self._station, address_of(address)))
        await self.close()
        if self._wanted.place != MEMORY:
            put_away(self._wanted.place)

    def __repr__(self) -> str:
        return f"<the replica in {self._station.place}>"


class Local:
    """See bayou.library.aistores.AsyncAccess. Writes wait for the end of the present turn of the event loop,
    and become durable together."""

    def __init__(self, turner: LoopTurner, station: Station) -> None:
        self._turner = turner
        self._station = station
        self._room = Room()
        self._queue: list[tuple[Does, asyncio.Future[Any]]] = []
        self._frozen: str | None = None

    def freeze(self, why: str | None) -> None:
        """Let nothing be written from now on, and say why; None: let things be written again. What tasks have
        begun to write is made durable first."""
        self._write_all()
        self._frozen = why

    def check_thawed(self) -> None:
        """Raise Error where nothing may be written at present."""
        if self._frozen is not None:
            raise Error(self._frozen)

    @property
    def _replica(self) -> CoreReplica:
        return local.replica(self._station)

    async def row(self, collection: str, key: str, *, committed: bool) -> Seen | None:
        return self._turner.look(lambda: self._replica.row(collection, key, committed_only=committed))

    async def page(
        self, collection: str, prefix: str, after: str | None, count: int, *, committed: bool
    ) -> list[Seen]:
        return self._turner.look(
            lambda: list(
                self._replica.rows(collection, prefix, after=after, count=count, committed_only=committed)
            )
        )

    async def write(self, edits: Sequence[Edit]) -> list[WriteId]:
        made: list[WriteId] = await self._write(lambda replica: local.write(replica, edits))
        return made

    async def change(self, body: Body) -> WriteId:
        return local.accepted(await self._write(lambda replica: local.change(replica, body)))

    async def _write(self, does: Does) -> Any:
        turner, station = self._turner, self._station
        turner.check()
        if station.is_in_doubt:
            await turner.wait(lambda: not station.is_in_doubt)
        self.check_thawed()
        self._room.check(self._station)
        future: asyncio.Future[Any] = turner.events.create_future()
        if not self._queue:
            turner.events.call_soon(self._write_all)
        self._queue.append((does, future))
        return await future

    def _write_all(self) -> None:
        """Make durable what tasks want written: also for those that do not wait any more."""
        queue, self._queue = self._queue, []
        if not queue:
            return
        try:
            made = self._turner.act(
                lambda: self._station.use(lambda replica: [does(replica) for does, _ in queue])
            )
        except Exception as error:
            for _, future in queue:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), ids in zip(queue, made, strict=True):
            if not future.done():
                future.set_result(ids)

    async def remove(self, collection: str, key: str) -> Seen | None:
        seen: Seen | None = await self._write(lambda replica: local.removed(replica, collection, key))
        return seen

    async def collections(self) -> list[str]:
        return self._turner.look(self._replica.collections)

    async def feed(self, since: int | None, *, committed: bool) -> AsyncFeed:
        found = self._turner.look(lambda: LocalFeed(self._replica, since, committed=committed))
        return _Feed(self._turner, self._station, found)

    async def pending(self) -> list[Told]:
        return self._turner.look(lambda: local.pending(self._replica))

    async def contended(self) -> list[tuple[str, str, list[Told]]]:
        return self._turner.look(lambda: local.contended(self._replica))

    async def outcome(self, write: WriteId) -> Outcome:
        server = parse_name(write.server)
        return self._turner.look(lambda: local.outcome(self._replica, write.stamp, server))

    async def wait_committed(self, write: WriteId, until: float | None) -> Outcome | None:
        server = parse_name(write.server)

        def done() -> bool:
            return self._replica.standing_of(write.stamp, server)[0] == COMMITTED

        return await self.outcome(write) if await self._turner.wait(done, until) else None

    async def status(self) -> dict[str, Any]:
        return self._turner.look(lambda: local.status(self._station))

    async def close(self) -> None:
        self._turner.close()


class _Feed:
    def __init__(self, turner: LoopTurner, station: Station, feed: LocalFeed) -> None:
        self._turner = turner
        self._station = station
        self._feed = feed

    async def more(self, until: float | None) -> list[Change]:
        found: list[Change] = []

        def done() -> bool:
            if not found:
                found.extend(local.next_changes(self._feed, local.replica(self._station)))
            return bool(found)

        await self._turner.wait(done, until)
        return found


Replica.__module__ = open.__module__ = "bayou.aio"
