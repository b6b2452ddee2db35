"""Where a server serves clients: session guarantees are checked, and each request is carried out once."""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.rows import BadRow, check_row
from bayou.core.vector import RETIRED
from bayou.node.messages import (
    COMMITTED,
    FULL,
    NO_ROOM,
    OK,
    REFUSED,
    Answer,
    Delete,
    Get,
    Got,
    Lacking,
    Put,
    Request,
    Written,
)
from bayou.node.records import Answered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from bayou.core.vector import VersionVector
    from bayou.node.context import Context

    Kept = TypeVar("Kept", int, Answer)


NUMBERS_FOR_EACH_ANSWER = 20


class Desk:
    """Answers requests, and remembers the last answer of each session in case its request comes again.

    A session has one request under way at a time, so a smaller number than the last is an echo.
    The answers of ``sessions_max`` sessions are remembered, and twenty times as many of their last numbers,
    so that an echo does no harm; the session silent for longest is forgotten first.
    """

    UNCOMPARED = ("_server",)
    TAGS = ("_answers", "_numbers")

    def __init__(self, server: Context, sessions_max: int) -> None:
        self._server = server
        self._sessions_max = sessions_max
        self._answers: dict[int, Answer] = {}
        self._numbers: dict[int, int] = {}

    def on_request(self, peer: int, message: Request) -> None:
        """Serve a client. A new server that is not ready leaves it waiting; the client asks again."""
        server = self._server
        if not server.is_member:
            return
        session = message.session
        if message.number > self._numbers.get(session, -1):
            self._keep(self._carry_out(message))
        last = self._answers.get(session)
        if last is not None and message.number == last.number:
            server.send(peer, last)

    def restore(self, answered: Answered) -> None:
        """Keep the answer to a write, the last of its session, in case its request comes again."""
        reply = Written(answered.stamp, answered.server)
        self._keep(Answer(answered.session, answered.number, OK, reply))

    def _keep(self, answer: Answer) -> None:
        _remember(self._answers, answer.session, answer, self._sessions_max)
        most = NUMBERS_FOR_EACH_ANSWER * self._sessions_max
        _remember(self._numbers, answer.session, answer.number, most)

    def _carry_out(self, request: Request) -> Answer:
        ask = request.ask
        _check(request)
        server = self._server
        replica = server.replica
        session, number = request.session, request.number
        vector = replica.vector
        if request.reads is not None and not vector.covers(request.reads):
            return Answer(session, number, REFUSED, _lacking(vector, request.reads))
        if request.writes is not None and not vector.covers_listed(request.writes):
            return Answer(session, number, REFUSED, _lacking(vector, request.writes))
        if isinstance(ask, Get):
            value = replica.get(ask.collection, ask.key, committed_only=ask.view == COMMITTED)
            return Answer(session, number, OK, Got(value), vector)
        if replica.retired:
            return Answer(session, number, REFUSED, Lacking(None, 0))
        if server.is_full:
            return Answer(session, number, NO_ROOM)
        if isinstance(ask, Put):
            write = replica.put(ask.collection, ask.key, ask.value)
        elif isinstance(ask, Delete):
            write = replica.delete(ask.collection, ask.key)
        else:
            raise PeerError(f"nobody here can answer a request of the kind {type(ask).__name__}")
        server.remember(Answered(session, number, write.stamp, write.server))
        return Answer(session, number, OK, Written(write.stamp, write.server))


def _remember(kept: dict[int, Kept], key: int, value: Kept, limit: int) -> None:
    """Keep a value, as the latest of ``limit``."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]


def _lacking(vector: VersionVector, demanded: VersionVector) -> Lacking:
    """Return one thing that is demanded and that this vector, which does not cover it, does not have."""
    for name, stamp in zip(demanded.names, demanded.stamps, strict=True):
        if vector.completed(name) < stamp:
            return Lacking(name, stamp)
    retired = [name for name in vector.names if demanded.completed(name) == RETIRED]
    return Lacking(retired[0], RETIRED)


def _check(request: Request) -> None:
    """Raise PeerError unless a request asks for something that there is, of a row that can be."""
    ask = request.ask
    if not isinstance(ask, Get | Put | Delete):
        raise PeerError(f"nobody here can answer a request of the kind {type(ask).__name__}")
    if isinstance(ask, Get) and ask.view not in (FULL, COMMITTED):
        raise PeerError(f"a {type(ask).__name__} in the view {ask.view[:20]!r}")
    try:
        check_row(ask.collection, ask.key, ask.value if isinstance(ask, Put) else None)
    except BadRow as error:
        raise PeerError(str(error)) from error
