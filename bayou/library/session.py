"""Sessions with servers elsewhere (Terry '94)."""

from __future__ import annotations

from collections import deque
from threading import Lock
from weakref import finalize

from bayou.library import plans
from bayou.library.hub import hub_for, key_of, reply_of, secret_for
from bayou.library.reaching import addresses as addresses_of
from bayou.library.records import WriteId
from bayou.library.stores import Store
from bayou.node.session import SHORT_NAMES, parse_guarantees
from bayou.node.using import Use
from bayou.wire.exports import parse_name
from bayou.wire.token import Token, read_token, write_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike
    from typing import Any, TypeVar

    from bayou.core.body import Body
    from bayou.core.database import Seen
    from bayou.core.name import Name
    from bayou.library.access import Access, Edit, Feed, Told
    from bayou.library.hub import Hub, Paths
    from bayou.library.plans import Plan, RemoteFeed
    from bayou.library.records import Change, Outcome
    from bayou.machine.messages import Message
    from bayou.node.messages import Ask, Reply
    from bayou.node.session import Guarantees
    from bayou.node.sessions import RemoteSession

    Made = TypeVar("Made")


def connect(
    addresses: str | Iterable[str],
    *,
    secret: str | PathLike[str] | bytes | None = None,
    guarantees: str | Iterable[str] = "all",
    token: str | None = None,
    timeout_s: float = 10,
    tls: Paths | None = None,
) -> Session:
    """Begin a session with the servers at these addresses (HOST:PORT), and return it.

    - ``secret``: of their cluster: the path of its file, or its 32 bytes;
    - ``guarantees``: which of the session guarantees of Terry '94 hold, as ``"RYW,MR,WFR,MW"``, ``"all"`` or
      ``"none"``: Read Your Writes, Monotonic Reads, Writes Follow Reads, Monotonic Writes;
    - ``token``: of an earlier session, see ``Session.token``: this one goes on from there, with the
      guarantees that it had;
    - ``timeout_s``: how long each call may take, this one too, beside what it waits for itself;
    - ``tls``: the paths of a certificate, its key, and the certificate of the authority that has signed those
      of the servers.

    The servers are tried in this order, then others that they tell of. Sessions of one process that have the
    same addresses share a connection. Unavailable where no server answers, WrongSecret, WrongCluster.

    >>> import bayou
    >>> bayou.connect("127.0.0.1:1", secret=bytes(32), timeout_s=0.1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    bayou.Unavailable: 127.0.0.1:1: the connection failed: ...
    """
    chosen, state = begin(guarantees, token)
    found = addresses_of(addresses)
    if not found:
        raise ValueError("no address of a server: HOST:PORT is one")
    key = key_of(found, secret_for(secret), tls, "" if state is None else state.cluster)
    hub = hub_for(key)
    try:
        hub.reach(timeout_s)
        return Session(Remote(hub, chosen, state, timeout_s))
    except BaseException:
        hub.leave()
        raise


def begin(guarantees: str | Iterable[str], token: str | None) -> tuple[Guarantees, Token | None]:
    """Return the guarantees of a new session, and what it goes on from. ValueError for what is none."""
    if token is not None:
        if not isinstance(token, str):
            raise TypeError(f"a {type(token).__name__} as a token, where a text is due")
        state = read_token(token)
        return state.guarantees, state
    text = guarantees if isinstance(guarantees, str) else ",".join(guarantees) or "none"
    return parse_guarantees(text), None


def guarantees_text(guarantees: Guarantees) -> str:
    """Return guarantees as they are written."""
    chosen = [short for short, name in SHORT_NAMES.items() if getattr(guarantees, name)]
    return ",".join(chosen) or "none"


class Turns:
    """A lock that those who wait for it get in the order in which they came."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_taken = False
        self._queue: deque[Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            own = Lock()
            own.acquire()
            self._queue.append(own)
        own.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._is_taken = False


class RemoteState:
    """One session of a switchboard, whoever turns that."""

    def __init__(self, hub: Any, guarantees: Guarantees, state: Token | None, timeout_s: float) -> None:
        self.hub = hub
        self.timeout_s = timeout_s
        self.guarantees = guarantees
        reads, writes = (None, None) if state is None else (state.reads, state.writes)
        self.id: int = hub.board.sessions.open(guarantees, reads, writes)

    @property
    def session(self) -> RemoteSession:
        return self.hub.board.sessions.session(self.id)  # type: ignore[no-any-return]

    @property
    def server(self) -> Name | None:
        return self.hub.board.sessions.server_of(self.id)  # type: ignore[no-any-return]

    def token(self) -> str:
        found = self.session.state
        cluster = self.hub.board.cluster
        return write_token(Token(cluster, self.guarantees, found.reads, found.writes))

    def at_least(self, csn: int | None, write: WriteId | None, wait_s: float) -> Callable[[], None]:
        """Return what is to be done with the sessions at hand. ValueError for what can't be."""
        place = None if write is None else (write.stamp, parse_name(write.server))
        if (csn or 0) < 0 or wait_s < 0:
            raise ValueError("a CSN and a time are 0 at least")
        return lambda: self.hub.board.sessions.at_least(self.id, csn or 0, place, wait_s)

    def use(self, ask: Ask, came: Any) -> None:
        """Ask something, after a look at what has become of connections."""
        self.hub.board.turn(0.0)
        self.hub.board.use(Use(self.id, ask, self.timeout_s), came)

    def more_status(self) -> dict[str, Any]:
        server = self.server
        return {
            "cluster": self.hub.board.cluster,
            "guarantees": guarantees_text(self.guarantees),
            "address": None if server is None else self.hub.board.address_of(server),
        }


class Remote:
    """See bayou.library.access.Access."""

    def __init__(self, hub: Hub, guarantees: Guarantees, state: Token | None, timeout_s: float) -> None:
        self.hub = hub
        self.state = hub.act(lambda: RemoteState(hub, guarantees, state, timeout_s))
        self._turns = Turns()
        self._answers: list[Message] = []
        self._is_under_way = False
        self._is_closed = False

    def run(self, plan: Plan[Made]) -> Made:
        """Carry out a plan."""
        reply: Reply | None = None
        try:
            while True:
                with self._turns:
                    reply = self._ask(plan.send(reply))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _ask(self, ask: Ask) -> Reply | None:
        hub = self.hub
        if self._is_under_way:  # an interrupt has broken it off
            hub.wait(lambda: bool(self._answers))
        answers = self._answers = []
        self._is_under_way = True
        hub.act(lambda: self.state.use(ask, answers.append))
        hub.wait(lambda: bool(answers))
        self._is_under_way = False
        return reply_of(answers[0], self.state.timeout_s, hub.board.failures)

    def row(self, collection: str, key: str, *, committed: bool) -> Seen | None:
        return self.run(plans.row(collection, key, committed=committed))

    def page(
        self, collection: str, prefix: str, after: str | None, count: int, *, committed: bool
    ) -> list[Seen]:
        return self.run(plans.page(collection, prefix, after, count, committed=committed))

    def write(self, edits: Sequence[Edit]) -> list[WriteId]:
        return self.run(plans.write(edits))

    def change(self, body: Body) -> WriteId:
        return self.run(plans.change(body))

    def remove(self, collection: str, key: str) -> Seen | None:
        return self.run(plans.remove(collection, key))

    def collections(self) -> list[str]:
        return self.run(plans.collections())

    def feed(self, since: int | None, *, committed: bool) -> Feed:
        return _Feed(self, plans.RemoteFeed(since, committed=committed))

    def pending(self) -> list[Told]:
        return self.run(plans.pending(self.hub.act(lambda: self.state.session.state.writes)))

    def contended(self) -> list[tuple[str, str, list[Told]]]:
        return self.run(plans.contended())

    def outcome(self, write: WriteId) -> Outcome:
        return self.run(plans.outcome(write))

    def wait_committed(self, write: WriteId, until: float | None) -> Outcome | None:
        return self.run(plans.wait_committed(write, until))

    def status(self) -> dict[str, Any]:
        stands = self.run(plans.stand())
        return plans.status(stands, **self.hub.act(self.state.more_status))

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.hub.leave()


class _Feed:
    def __init__(self, remote: Remote, feed: RemoteFeed) -> None:
        self._remote = remote
        self._feed = feed

    def more(self, until: float | None) -> list[Change]:
        return self._remote.run(self._feed.more(until))


class Session(Store):
    """A session with servers: what it reads is never older than its guarantees allow, whichever server
    answers. See ``bayou.connect``.

    It talks to one server as long as that will have it. A read moves on to another one where its server is
    gone, lacks something that the session has seen, or has no room. A write moves on where it was refused or
    certainly never left; otherwise it is sent again, to the same server alone, until ``timeout_s`` is over:
    then OutcomeUnknown says that it may have been carried out or not.

    A session has one request under way: calls of several threads wait for each other. Who follows changes in
    one thread and writes in another wants a session for each.

    >>> import bayou
    >>> with bayou.open(":memory:", listen="127.0.0.1:0", secret=bytes(32)) as server:
    ...     with bayou.connect(server.status()["listens"], secret=bytes(32)) as session:
    ...         session["notes"]["monday"] = "milk"
    ...         session["notes"]["monday"], session.server, session.guarantees
    ('milk', '<>', 'RYW,MR,WFR,MW')
    """

    __slots__ = ("_finalizer", "_remote")

    def __init__(self, remote: Remote) -> None:
        """Not for users: ``bayou.connect`` makes one."""
        self._remote = remote
        self._finalizer = finalize(self, remote.close)

    @property
    def _access(self) -> Access:
        return self._remote

    @property
    def server(self) -> str | None:
        """The name of the server that it talks to, None where it has not found one yet."""
        found = self._remote.hub.act(lambda: self._remote.state.server)
        return None if found is None else repr(found)

    @property
    def guarantees(self) -> str:
        """The guarantees that hold, as ``"RYW,MR,WFR,MW"``; ``"none"`` where none does."""
        return guarantees_text(self._remote.state.guarantees)

    def token(self) -> str:
        """Return what this session has seen and written, as a text of URL-safe characters that begins with
        ``bayou1.``. A session that is begun with it, in whatever process, has the same guarantees, and goes
        on
        from there."""
        return self._remote.hub.act(self._remote.state.token)

    def at_least(self, csn: int | None = None, write: WriteId | None = None, wait_s: float = 0) -> None:
        """From now on read only where a server has reached ``csn``, and has that write: another session's,
        say. A server that does not may take ``wait_s`` seconds to get it; then others are tried."""
        self._remote.hub.act(self._remote.state.at_least(csn, write, wait_s))

    def __repr__(self) -> str:
        return f"<a session with {self._remote.hub.board.place}>"


Session.__module__ = connect.__module__ = "bayou"
