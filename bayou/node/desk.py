"""Where a server serves clients: session guarantees are checked, and each request is carried out once."""

from __future__ import annotations

from bayou.core.errors import PeerError
from bayou.node.messages import OK, REFUSED, Answer, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.node.context import Context


class Desk:
    """Answers requests, and remembers the last answer of each session in case its request comes again.

    A session has one request under way at a time, so a smaller number than the last is an echo.
    ``sessions_max`` sessions are remembered; the one silent for longest is forgotten first.
    """

    def __init__(self, server: Context, sessions_max: int) -> None:
        self._server = server
        self._sessions_max = sessions_max
        self._answers: dict[int, Answer] = {}

    def on_request(self, peer: int, message: Request) -> None:
        """Serve a client. A new server that is not ready leaves it waiting; the client asks again."""
        server = self._server
        if not server.is_member:
            return
        last = self._answers.get(message.session)
        if last is None or message.number > last.number:
            last = self._carry_out(message)
            self._answers.pop(message.session, None)
            self._answers[message.session] = last
            if len(self._answers) > self._sessions_max:
                del self._answers[next(iter(self._answers))]
        if message.number == last.number:
            server.send(peer, last)

    def _carry_out(self, request: Request) -> Answer:
        if request.kind not in ("get", "put", "delete") or (request.kind == "put") != (
            request.url is not None
        ):
            raise PeerError(f"{request.kind!r} is no request, or has the wrong fields")
        replica = self._server.replica
        session, number = request.session, request.number
        vector = replica.vector
        if request.reads is not None and not vector.covers(request.reads):
            return Answer(session, number, REFUSED)
        if request.writes is not None and not vector.covers_listed(request.writes):
            return Answer(session, number, REFUSED)
        if request.kind == "get":
            return Answer(session, number, OK, url=replica.get(request.song), vector=vector)
        if replica.retired:
            return Answer(session, number, REFUSED)
        write = (
            replica.delete(request.song) if request.url is None else replica.put(request.song, request.url)
        )
        return Answer(session, number, OK, stamp=write.stamp, server=write.server)
