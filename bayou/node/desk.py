"""Where a server serves clients: session guarantees are checked, and each request is carried out once."""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.core.rows import BadRow, check_row
from bayou.node.messages import COMMITTED, FULL, OK, REFUSED, Answer, Request
from bayou.node.records import Answered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

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
            self.restore(self._carry_out(message))
        last = self._answers.get(session)
        if last is not None and message.number == last.number:
            server.send(peer, last)

    def restore(self, answer: Answer) -> None:
        """Keep an answer, the last of its session, in case its request comes again."""
        _remember(self._answers, answer.session, answer, self._sessions_max)
        most = NUMBERS_FOR_EACH_ANSWER * self._sessions_max
        _remember(self._numbers, answer.session, answer.number, most)

    def _carry_out(self, request: Request) -> Answer:
        _check(request)
        replica = self._server.replica
        session, number = request.session, request.number
        vector = replica.vector
        if request.reads is not None and not vector.covers(request.reads):
            return Answer(session, number, REFUSED)
        if request.writes is not None and not vector.covers_listed(request.writes):
            return Answer(session, number, REFUSED)
        if request.kind == "get":
            committed_only = request.view == COMMITTED
            value = replica.get(request.collection, request.key, committed_only=committed_only)
            return Answer(session, number, OK, value, vector)
        if replica.retired:
            return Answer(session, number, REFUSED)
        row = request.collection, request.key
        write = replica.delete(*row) if request.value is None else replica.put(*row, request.value)
        answer = Answer(session, number, OK, stamp=write.stamp, server=write.server)
        self._server.remember(Answered(answer))
        return answer


def _remember(kept: dict[int, Kept], key: int, value: Kept, limit: int) -> None:
    """Keep a value, as the latest of ``limit``."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]


def _check(request: Request) -> None:
    """Raise PeerError unless a request asks for something that there is, of a row that can be."""
    is_put = request.kind == "put"
    if request.kind not in ("get", "put", "delete") or is_put != (request.value is not None):
        raise PeerError(f"{request.kind!r} is no request, or has the wrong fields")
    if request.view != FULL and (request.view != COMMITTED or request.kind != "get"):
        raise PeerError(f"a {request.kind} in the view {request.view[:20]!r}")
    try:
        check_row(request.collection, request.key, request.value)
    except BadRow as error:
        raise PeerError(str(error)) from error
