"""A client: one session, talking to one server at a time."""

from __future__ import annotations

from bayou.machine.effects import AGAIN, Effects, Input, LinkDown, LinkUp, Ordered, Received
from bayou.machine.messages import Failed, Links, Message, Probe, Waiting
from bayou.node.messages import (
    NO_SERVER,
    OK,
    Answer,
    Delete,
    Did,
    Do,
    Get,
    Got,
    Hello,
    Put,
    Request,
    Written,
    no_hello,
)
from bayou.node.session import Guarantees, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.core.name import Name
    from bayou.machine.machine import Randomness


class Pending:
    """A request under way: the order that it carries out, and the server asked, by id and by name."""

    __slots__ = ("name", "order", "request", "server")

    def __init__(self, order: int, request: Request, server: int, name: Name | None) -> None:
        self.order = order
        self.request = request
        self.server = server
        self.name = name


class Client:
    """A client as a state machine: ``step`` takes one input and returns its effects.

    One request is under way at a time. It is sent again until it is answered, under the same number,
    so that the server carries it out once; never to another server. One that has the same id, but another
    name, is another one: it joined after the first had retired, and does not know what that had done.
    """

    kind = "client"
    is_server = False
    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_effects", "_now", "wake_at")
    TAGS: ClassVar[tuple[str, ...]] = ("_session_id",)
    hello = Hello(is_server=False)

    def __init__(
        self, id: int, rng: Randomness, guarantees: Guarantees | None = None, *, retry_s: float = 1.0
    ) -> None:
        self.id = id
        self.session = Session(guarantees or Guarantees())
        self.server: int | None = None
        self._server_name: Name | None = None
        self.wake_at: float | None = None
        self._session_id = rng.getrandbits(62)
        self._number = 0
        self._retry_s = retry_s
        self._pending: Pending | None = None
        self._effects = Effects()
        self._now = 0.0

    def step(self, now: float, given: Input) -> Effects:
        """Process one input at time ``now`` (seconds, never going back) and return what it brings about."""
        self._now = now
        effects = self._effects = Effects()
        if isinstance(given, Received):
            self._receive(given)
        elif isinstance(given, Ordered):
            self._obey(given.number, given.order)
        elif isinstance(given, LinkUp):
            if isinstance(given.hello, Hello):
                self._connect(given.peer, given.hello.name)
            else:
                effects.drops.append((given.peer, no_hello(given.hello)))
        elif isinstance(given, LinkDown):
            if given.peer == self.server:
                self.server = None
        elif self._pending is not None and self.wake_at is not None and now >= self.wake_at:
            if self.server == self._pending.server:
                effects.notes.append((AGAIN, "a request"))
            self._send(self._pending)
        return effects

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected: of all connections, only the last one made counts."""
        return Links(() if self.server is None else (self.server,), dialling)

    def check(self) -> None:
        """Raise InvariantBroken where the state of the session contradicts itself."""
        self.session.check()

    def _connect(self, peer: int, name: Name | None) -> None:
        self.server, self._server_name = peer, name
        pending = self._pending
        if pending is None:
            return
        if pending.server == peer and pending.name is not None and pending.name is name:
            self._send(pending)
        else:
            self._end(pending, Failed(f"server {pending.server} may or may not have carried it out"))

    def _obey(self, number: int, order: Message) -> None:
        if isinstance(order, Do):
            self._do(number, order)
        elif isinstance(order, Probe):
            lines = [] if self._pending is None else [f"waits for server {self._pending.server} to answer"]
            self._effects.answers.append((number, Waiting(tuple(lines))))
        else:
            self._effects.answers.append((number, Failed(f"{type(order).__name__} is no order for a client")))

    def _do(self, number: int, order: Do) -> None:
        if self.server is None:
            self._effects.answers.append((number, Failed(NO_SERVER)))
        elif self._pending is not None:
            self._effects.answers.append((number, Failed("its last request is still under way")))
        else:
            self._number += 1
            reads, writes = self.session.demands(is_write=order.ask.is_write)
            request = Request(self._session_id, self._number, order.ask, reads, writes)
            self._pending = Pending(number, request, self.server, self._server_name)
            self._send(self._pending)

    def _send(self, pending: Pending) -> None:
        self.wake_at = self._now + self._retry_s
        if self.server == pending.server:
            self._effects.sends.append((pending.server, pending.request))

    def _receive(self, given: Received) -> None:
        pending, answer = self._pending, given.message
        if not isinstance(answer, Answer):
            self._effects.drops.append((given.peer, f"{type(answer).__name__} is no message for a client"))
        elif pending is not None and (answer.session, answer.number) == (
            self._session_id,
            pending.request.number,
        ):
            reply = answer.reply
            if answer.verdict == OK:
                if answer.vector is not None:
                    self.session.has_read(answer.vector)
                if isinstance(reply, Written):
                    self.session.has_written(reply.stamp, reply.server)
            if isinstance(pending.request.ask, Get | Put | Delete):
                self._end(pending, Did(answer.verdict, reply.value if isinstance(reply, Got) else None))
            else:
                self._end(pending, Did(answer.verdict, None, reply))

    def _end(self, pending: Pending, report: Message) -> None:
        self._pending = None
        self.wake_at = None
        self._effects.answers.append((pending.order, report))
