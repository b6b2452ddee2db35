"""Sessions of one program, at any of the servers that it is connected to (Terry '94; Petersen '97)."""

from __future__ import annotations

from bayou.core.vector import VersionVector
from bayou.machine.effects import AGAIN, Effects, Input, LinkDown, LinkUp, Ordered, Received
from bayou.machine.messages import Failed, Links, Message, Probe, Waiting
from bayou.node.asks import AwaitCommitted, Changes, Page, Pending, Stand, Update
from bayou.node.messages import (
    NO_ROOM,
    OK,
    TURNED_DOWN,
    Answer,
    Floor,
    Hello,
    Request,
    Written,
    no_hello,
)
from bayou.node.session import Guarantees, Session
from bayou.node.using import (
    NO_ROOM_ANYWHERE,
    NOT_RECENT,
    OUTCOME_UNKNOWN,
    UNAVAILABLE,
    NotUsed,
    Use,
    Used,
    Wish,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.core.name import Name
    from bayou.machine.machine import Randomness
    from bayou.node.messages import Ask

OWN_MAX = 100_000
"""How many writes of a session are known again as its own."""

DOUBTS_MAX = 16
"""How many writes of unknown outcome are remembered, in case their answers come after all."""


class Errand:
    """What a session has been ordered to ask, and how far that has come.

    - ``asks``: what is still to be asked, the first first: a read may go before a write;
    - ``due``: when it is given up; ``retry_at``: when it is sent again or tried elsewhere;
    - ``request``: the one that is out, at the server called ``name``, and ``peer`` as long as that is
      connected; None where none is;
    - ``tried``: who has refused it since it was last begun anew; ``refusal``: the last that did.
    """

    __slots__ = ("asks", "due", "name", "order", "peer", "refusal", "request", "retry_at", "tried")

    UNCOMPARED = ("due", "retry_at")
    TAGS = ("order",)

    def __init__(self, order: int, asks: list[Ask], due: float) -> None:
        self.order = order
        self.asks = asks
        self.due = due
        self.retry_at = due
        self.request: Request | None = None
        self.peer: int | None = None
        self.name: Name | None = None
        self.tried: dict[Name, None] = {}
        self.refusal: Answer | None = None

    @property
    def is_uncertain(self) -> bool:
        """Whether a server may carry out, or have carried out, a write of it."""
        return self.request is not None and self.request.ask.is_write


class RemoteSession:
    """A session, and where it is.

    - ``state``: its guarantees and vectors; ``number``: that of its last request;
    - ``peer``: the server that it talks to, as long as that is connected;
    - ``floor_csn``, ``floor_writes``: what else a server has to have for its reads, ``floor_wait_s``: for how
      many seconds it may wait for that;
    - ``own``: its writes; ``doubts``: numbers of requests of unknown outcome, and how many writes each is;
      ``is_doubtful``: whether it has read nothing since the last of them.
    """

    __slots__ = (
        "doubts", "errand", "floor_csn", "floor_wait_s", "floor_writes", "id", "is_doubtful", "number", "own",
        "peer", "state",
    )  # fmt: skip

    TAGS = ("id",)

    def __init__(self, id: int, state: Session) -> None:
        self.id = id
        self.state = state
        self.number = 0
        self.peer: int | None = None
        self.errand: Errand | None = None
        self.floor_csn = 0
        self.floor_writes: dict[Name, int] = {}
        self.floor_wait_s = 0.0
        self.own: dict[tuple[int, Name], None] = {}
        self.doubts: dict[int, int] = {}
        self.is_doubtful = False

    def request(self, ask: Ask) -> Request:
        """Return the next request of this session: with several writes it takes a number for each, so that
        in a trace each has its own."""
        self.number += len(ask.edits) if isinstance(ask, Update) else 1
        reads, writes = self.state.demands(is_write=ask.is_write)
        floor = None
        if not ask.is_write and (self.floor_csn or self.floor_writes):
            floor = Floor(self.floor_csn, self.floor_wait_s)
            if self.floor_writes:
                wanted = {} if writes is None else dict(zip(writes.names, writes.stamps, strict=True))
                for name, stamp in self.floor_writes.items():
                    wanted[name] = max(stamp, wanted.get(name, 0))
                writes = VersionVector(wanted)
        return Request(self.id, self.number, ask, reads, writes, floor)

    def learn(self, answer: Answer, writes: int) -> None:
        """Take notice of what was carried out; an answer about a write is about so many."""
        if answer.vector is not None:
            self.state.has_read(answer.vector)
            self.is_doubtful = False
        reply = answer.reply
        if isinstance(reply, Written):
            self.state.has_written(reply.stamp, reply.server)
            for stamp in range(reply.stamp - writes + 1, reply.stamp + 1):
                self.own[stamp, reply.server] = None
            while len(self.own) > OWN_MAX:
                del self.own[next(iter(self.own))]


class Sessions:
    """A machine that holds any number of sessions, which share its connections.

    A session has one request under way, and talks to one server as long as that will have it. A read moves on
    where its server is gone or refuses it. A write moves on where it was refused, or certainly never left;
    otherwise it is sent again under the same number, and only to the server of the same name, until its time
    is up. Where the outcome of a write is unknown, the session reads before it writes again, so that what it
    may have done is behind it. Nobody is asked twice while another one is there who was not asked.

    Whoever drives it makes connections as ``wishes`` says, and tells with ``has_name`` of a server that has
    got its name only since it was connected. Orders are Use, answered by Used or NotUsed.
    """

    kind = "client"
    is_server = False
    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_effects", "_now", "_rng")
    TAGS: ClassVar[tuple[str, ...]] = ("_sessions",)
    hello = Hello(is_server=False)

    def __init__(self, id: int, rng: Randomness, *, retry_s: float = 1.0) -> None:
        """``retry_s``: after this time without an answer a request is sent again."""
        self.id = id
        self._rng = rng
        self._retry_s = retry_s
        self._links: dict[int, Name | None] = {}
        self._sessions: dict[int, RemoteSession] = {}
        self._busy: dict[int, RemoteSession] = {}
        self._effects = Effects()
        self._now = 0.0

    # What whoever drives it uses.

    def open(
        self, guarantees: Guarantees, reads: VersionVector | None = None, writes: VersionVector | None = None
    ) -> int:
        """Begin a session, with what another one had read and written; return its number, by which it is
        called from now on."""
        state = Session(guarantees)
        if reads is not None:
            state.has_read(reads)
        if writes is not None:
            for name, stamp in zip(writes.names, writes.stamps, strict=True):
                state.has_written(stamp, name)
        session = RemoteSession(self._rng.getrandbits(62), state)
        self._sessions[session.id] = session
        return session.id

    def session(self, session: int) -> RemoteSession:
        """Return a session, for reading; KeyError where there is none."""
        return self._sessions[session]

    def close(self, session: int) -> None:
        """End a session; what it is asking for is not answered any more."""
        self._sessions.pop(session, None)
        self._busy.pop(session, None)

    def at_least(
        self, session: int, csn: int = 0, write: tuple[int, Name] | None = None, wait_s: float = 0.0
    ) -> None:
        """From now on let the session read only where a server has these: a CSN, a write (stamp and server).
        A server that lacks them may wait for them for ``wait_s`` seconds, then another one is asked."""
        found = self._sessions[session]
        found.floor_csn = max(found.floor_csn, csn)
        found.floor_wait_s = wait_s
        if write is not None:
            stamp, server = write
            found.floor_writes[server] = max(stamp, found.floor_writes.get(server, 0))

    def server_of(self, session: int) -> Name | None:
        """Return the name of the server that a session talks to, None where it has none at present."""
        peer = self._sessions[session].peer
        return None if peer is None else self._links.get(peer)

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """Return which connections are wanted, each once."""
        wishes: dict[Wish, None] = {}
        for session in self._busy.values():
            errand = session.errand
            if errand is None or errand.peer is not None:
                continue
            if errand.is_uncertain:
                wishes[Wish(errand.name)] = None
            else:
                wishes[Wish(None, tuple(sorted(errand.tried)))] = None
        return tuple(wishes)

    def has_name(self, now: float, peer: int, name: Name) -> Effects:
        """The server at ``peer`` has got this name."""
        return self.step(now, LinkUp(peer, Hello(is_server=True, name=name)))

    def step(self, now: float, given: Input) -> Effects:
        """Process one input at time ``now`` (seconds, never going back) and return what it brings about."""
        self._now = now
        effects = self._effects = Effects()
        if isinstance(given, Received):
            self._receive(given.peer, given.message)
        elif isinstance(given, Ordered):
            self._obey(given.number, given.order)
        elif isinstance(given, LinkUp):
            self._link_up(given.peer, given.hello)
        elif isinstance(given, LinkDown):
            self._link_down(given.peer)
        else:
            self._tick()
        return effects

    @property
    def wake_at(self) -> float | None:
        """When it wants a Tick, at the latest; None for never."""
        errands = [session.errand for session in self._busy.values()]
        return min((min(each.due, each.retry_at) for each in errands if each is not None), default=None)

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return Links(peers, dialling)

    def check(self) -> None:
        """Raise InvariantBroken where the state of a session contradicts itself."""
        for session in self._sessions.values():
            session.state.check()

    # Inputs.

    def _link_up(self, peer: int, hello: Message | None) -> None:
        self._link_down(peer)
        if not isinstance(hello, Hello) or not hello.is_server:
            why = no_hello(hello) if not isinstance(hello, Hello) else "a client where a server is due"
            self._effects.drops.append((peer, why))
            return
        self._links[peer] = hello.name
        for session in list(self._busy.values()):
            self._go_on(session)

    def _link_down(self, peer: int) -> None:
        if peer not in self._links:
            return
        del self._links[peer]
        for session in list(self._sessions.values()):
            if session.peer == peer:
                session.peer = None
            errand = session.errand
            if errand is not None and errand.peer == peer:
                errand.peer = None
                if not errand.is_uncertain:
                    errand.request = None
                self._go_on(session)

    def _obey(self, number: int, order: Message) -> None:
        if isinstance(order, Use):
            self._use(number, order)
        elif isinstance(order, Probe):
            lines = [f"session {each.id} waits for a server" for each in self._busy.values()]
            self._effects.answers.append((number, Waiting(tuple(lines))))
        else:
            self._effects.answers.append((number, Failed(f"{type(order).__name__} is no order for sessions")))

    def _use(self, number: int, order: Use) -> None:
        session = self._sessions.get(order.session)
        if session is None or session.errand is not None:
            why = "there is no such session" if session is None else "its last request is still under way"
            self._effects.answers.append((number, Failed(why)))
            return
        asks: list[Ask] = [order.ask]
        if session.is_doubtful and order.ask.is_write:
            asks.insert(0, Stand())
        due = self._now + order.timeout_s + self._patience_s(session, order.ask)
        session.errand = Errand(number, asks, due)
        self._busy[session.id] = session
        self._go_on(session)

    def _tick(self) -> None:
        now = self._now
        for session in list(self._busy.values()):
            errand = session.errand
            if errand is None:
                continue
            if now >= errand.due:
                self._give_up(session, errand)
            elif now >= errand.retry_at:
                self._retry(session, errand)

    def _retry(self, session: RemoteSession, errand: Errand) -> None:
        """Nobody has answered: ask somebody else, or the same server again."""
        if errand.name is not None and not errand.is_uncertain:
            errand.tried[errand.name] = None
            if self._peers_for(errand):
                errand.request = errand.peer = None
                self._go_on(session)
                return
        errand.tried.clear()
        if errand.request is not None and errand.peer is not None:
            self._effects.notes.append((AGAIN, "a request"))
            self._send(session, errand, errand.peer)
        else:
            errand.retry_at = self._now + self._retry_s
            self._go_on(session)

    def _receive(self, peer: int, answer: Message) -> None:
        if not isinstance(answer, Answer):
            self._effects.drops.append((peer, f"{type(answer).__name__} is no message for a client"))
            return
        session, name = self._sessions.get(answer.session), self._links.get(peer)
        if session is None or name is None:
            return
        errand = session.errand
        if errand is None or errand.request is None or errand.request.number != answer.number:
            if answer.number in session.doubts and answer.verdict == OK:
                session.learn(answer, session.doubts.pop(answer.number))
        elif errand.name is not name:
            return  # nobody else was asked under that number
        elif answer.verdict in (OK, TURNED_DOWN):
            session.learn(answer, _writes_of(errand.request.ask))
            self._done(session, errand, answer, name)
        else:
            errand.tried[name] = None
            errand.refusal = answer
            errand.request = errand.peer = None
            errand.retry_at = self._now + self._retry_s
            self._go_on(session)

    # Errands.

    def _go_on(self, session: RemoteSession) -> None:
        """Ask a server that may be asked, if one is connected and nobody has been asked."""
        errand = session.errand
        if errand is None or errand.peer is not None:
            return
        peers = self._peers_for(errand)
        if not peers:
            errand.retry_at = min(errand.retry_at, self._now + self._retry_s)
            return
        peer = session.peer if session.peer in peers else peers[0]
        assert peer is not None
        if errand.request is None:
            errand.request = session.request(errand.asks[0])
        session.peer = errand.peer = peer
        errand.name = self._links[peer]
        self._send(session, errand, peer)

    def _peers_for(self, errand: Errand) -> list[int]:
        """Return who may be asked: of a write that may have been carried out only the one that may have."""
        if errand.is_uncertain:
            return [peer for peer, name in self._links.items() if name is errand.name]
        named = [(peer, name) for peer, name in self._links.items() if name is not None]
        return [peer for peer, name in named if name not in errand.tried]

    def _send(self, session: RemoteSession, errand: Errand, peer: int) -> None:
        request = errand.request
        assert request is not None
        errand.retry_at = self._now + self._retry_s + self._patience_s(session, request.ask)
        self._effects.sends.append((peer, request))

    def _patience_s(self, session: RemoteSession, ask: Ask) -> float:
        """Return for how long a server may let the request wait."""
        wait_s = ask.wait_s if isinstance(ask, AwaitCommitted | Changes) else 0.0
        return wait_s if ask.is_write else wait_s + session.floor_wait_s

    def _done(self, session: RemoteSession, errand: Errand, answer: Answer, name: Name) -> None:
        asked = errand.asks.pop(0)
        if errand.asks:
            errand.request = errand.peer = None
            self._go_on(session)
            return
        reply = answer.reply
        if isinstance(asked, Pending) and asked.upto is not None and isinstance(reply, Page):
            own = session.own
            rows = [row for row in reply.rows if row.server is not None and (row.stamp, row.server) in own]
            if not rows and not reply.is_last and reply.rows:  # all of that page are others': the next one
                last = reply.rows[-1]
                errand.asks.append(Pending(asked.upto, last.stamp, last.server))
                errand.request = errand.peer = None
                self._go_on(session)
                return
            reply = Page(rows, reply.is_last)
        self._end(session, errand, Used(reply, name))

    def _give_up(self, session: RemoteSession, errand: Errand) -> None:
        why, lacking = UNAVAILABLE, None
        if errand.request is not None and errand.is_uncertain:
            why = OUTCOME_UNKNOWN
            session.doubts[session.number] = _writes_of(errand.request.ask)
            session.is_doubtful = True
            while len(session.doubts) > DOUBTS_MAX:
                del session.doubts[next(iter(session.doubts))]
        elif errand.refusal is not None:
            is_full = errand.refusal.verdict == NO_ROOM
            why, lacking = NO_ROOM_ANYWHERE if is_full else NOT_RECENT, errand.refusal.reply
        self._end(session, errand, NotUsed(why, lacking, session.number))

    def _end(self, session: RemoteSession, errand: Errand, report: Message) -> None:
        session.errand = None
        del self._busy[session.id]
        self._effects.answers.append((errand.order, report))


def _writes_of(ask: Ask) -> int:
    """Return how many writes a request makes that makes any."""
    return len(ask.edits) if isinstance(ask, Update) else 1
