"""Sessions with servers elsewhere, for programs of asyncio."""

from __future__ import annotations

import asyncio
from weakref import finalize

from bayou.library import plans
from bayou.library.aistores import Store
from bayou.library.aiturner import LoopTurner
from bayou.library.hub import key_of, make_board, reply_of, secret_for
from bayou.library.reaching import addresses as addresses_of
from bayou.library.reaching import unreachable
from bayou.library.session import RemoteState, begin, guarantees_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike
    from typing import Any, TypeVar

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.host.switchboard import Switchboard
    from bayou.library.access import Edit, Told
    from bayou.library.aistores import AsyncAccess, AsyncFeed
    from bayou.library.hub import Key, Paths
    from bayou.library.opening import Waiting
    from bayou.library.plans import Plan, RemoteFeed
    from bayou.library.records import Change, Outcome, WriteId
    from bayou.machine.messages import Message
    from bayou.node.messages import Ask, Reply
    from bayou.node.session import Guarantees
    from bayou.wire.token import Token

    Made = TypeVar("Made")


class LoopHub(LoopTurner):
    """What the sessions of one event loop share that have the same addresses."""

    def __init__(self, board: Switchboard, key: Key) -> None:
        super().__init__(board)
        self.board = board
        self.key = key
        self.count = 1

    def leave(self) -> None:
        """A session is closed: the last one closes the connections."""
        self.count -= 1
        if not self.count:
            _HUBS.pop((id(self.events), self.key), None)
            self.close()


_HUBS: dict[tuple[int, Key], LoopHub] = {}


async def connect(
    addresses: str | Iterable[str],
    *,
    secret: str | PathLike[str] | bytes | None = None,
    guarantees: str | Iterable[str] = "all",
    token: str | None = None,
    timeout_s: float = 10,
    tls: Paths | None = None,
) -> Session:
    """Begin a session with the servers at these addresses, as ``bayou.connect`` does, for the tasks of this
    event loop.

    >>> import asyncio, bayou.aio
    >>> asyncio.run(bayou.aio.connect("127.0.0.1:1", secret=bytes(32), timeout_s=0.1))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    bayou.Unavailable: 127.0.0.1:1: the connection failed: ...
    """
    chosen, state = begin(guarantees, token)
    found = addresses_of(addresses)
    if not found:
        raise ValueError("no address of a server: HOST:PORT is one")
    key = key_of(found, secret_for(secret), tls, "" if state is None else state.cluster)
    place = id(asyncio.get_running_loop()), key
    hub = _HUBS.get(place)
    if hub is None or hub.is_over:
        hub = _HUBS[place] = LoopHub(make_board(key), key)
    else:
        hub.count += 1
    try:
        await hub.run(_reaching(hub.board, timeout_s))
        return Session(Remote(hub, chosen, state, timeout_s))
    except BaseException:
        hub.leave()
        raise


def _reaching(board: Switchboard, timeout_s: float) -> Waiting[None]:
    from time import monotonic

    board.want(True)
    try:
        yield (lambda: bool(board.servers) or board.is_hopeless), monotonic() + timeout_s
        if not board.servers:
            raise unreachable(board.failures, within_s=timeout_s)
    finally:
        board.want(False)


class Session(Store):
    """A session with servers: what ``bayou.Session`` is to threads, by coroutines. ``server``,
    ``guarantees``, ``token`` and ``at_least`` ask nobody, and are no coroutines here either."""

    __slots__ = ("_finalizer", "_remote")

    def __init__(self, remote: Remote) -> None:
        """Not for users: ``bayou.aio.connect`` makes one."""
        self._remote = remote
        self._finalizer = finalize(self, remote.leave)

    @property
    def _access(self) -> AsyncAccess:
        return self._remote

    @property
    def server(self) -> str | None:
        """As of ``bayou.Session``."""
        found = self._remote.hub.look(lambda: self._remote.state.server)
        return None if found is None else repr(found)

    @property
    def guarantees(self) -> str:
        """As of ``bayou.Session``."""
        return guarantees_text(self._remote.state.guarantees)

    def token(self) -> str:
        """As of ``bayou.Session``."""
        return self._remote.hub.look(self._remote.state.token)

    def at_least(self, csn: int | None = None, write: WriteId | None = None, wait_s: float = 0) -> None:
        """As of ``bayou.Session``."""
        self._remote.hub.act(self._remote.state.at_least(csn, write, wait_s))

    def __repr__(self) -> str:
        return f"<a session with {self._remote.hub.board.place}>"


class Remote:
    """See bayou.library.aistores.AsyncAccess."""

    def __init__(self, hub: LoopHub, guarantees: Guarantees, state: Token | None, timeout_s: float) -> None:
        self.hub = hub
        self.state = RemoteState(hub, guarantees, state, timeout_s)
        self._turns = asyncio.Lock()
        self._answers: list[Message] = []
        self._is_under_way = False
        self._is_closed = False

    async def run(self, plan: Plan[Made]) -> Made:
        """Carry out a plan."""
        reply: Reply | None = None
        try:
            while True:
                async with self._turns:
                    reply = await self._ask(plan.send(reply))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    async def _ask(self, ask: Ask) -> Reply | None:
        hub = self.hub
        if self._is_under_way:  # its task was cancelled
            before = self._answers
            await hub.wait(lambda: bool(before))
        answers = self._answers = []
        self._is_under_way = True
        hub.act(lambda: self.state.use(ask, answers.append))
        await hub.wait(lambda: bool(answers))
        self._is_under_way = False
        return reply_of(answers[0], self.state.timeout_s, hub.board.failures)

    async def row(self, collection: str, key: str, *, committed: bool) -> Seen | None:
        return await self.run(plans.row(collection, key, committed=committed))

    async def page(
        self, collection: str, prefix: str, after: str | None, count: int, *, committed: bool
    ) -> list[Seen]:
        return await self.run(plans.page(collection, prefix, after, count, committed=committed))

    async def write(self, edits: Sequence[Edit]) -> list[WriteId]:
        return await self.run(plans.write(edits))

    async def change(self, body: Body) -> WriteId:
        return await self.run(plans.change(body))

    async def remove(self, collection: str, key: str) -> Seen | None:
        return await self.run(plans.remove(collection, key))

    async def collections(self) -> list[str]:
        return await self.run(plans.collections())

    async def feed(self, since: int | None, *, committed: bool) -> AsyncFeed:
        return _Feed(self, plans.RemoteFeed(since, committed=committed))

    async def pending(self) -> list[Told]:
        return await self.run(plans.pending(self.hub.look(lambda: self.state.session.state.writes)))

    async def contended(self) -> list[tuple[str, str, list[Told]]]:
        return await self.run(plans.contended())

    async def outcome(self, write: WriteId) -> Outcome:
        return await self.run(plans.outcome(write))

    async def wait_committed(self, write: WriteId, until: float | None) -> Outcome | None:
        return await self.run(plans.wait_committed(write, until))

    async def status(self) -> dict[str, Any]:
        stands = await self.run(plans.stand())
        return plans.status(stands, **self.hub.look(self.state.more_status))

    async def close(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Let go of the connections."""
        if not self._is_closed:
            self._is_closed = True
            self.hub.leave()


class _Feed:
    def __init__(self, remote: Remote, feed: RemoteFeed) -> None:
        self._remote = remote
        self._feed = feed

    async def more(self, until: float | None) -> list[Change]:
        return await self._remote.run(self._feed.more(until))


Session.__module__ = connect.__module__ = "bayou.aio"
