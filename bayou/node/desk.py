"""Where a server serves clients: session guarantees are checked, and each request is carried out once."""

from __future__ import annotations

from bayou.core.errors import PeerError, TurnedDown
from bayou.core.rows import BadRow, check_row
from bayou.core.vector import RETIRED
from bayou.node.messages import (
    COMMITTED,
    FULL,
    NO_ROOM,
    OK,
    REFUSED,
    TURNED_DOWN,
    WAIT_MAX_S,
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

    from bayou.core.replica import Replica
    from bayou.core.vector import VersionVector
    from bayou.core.write import Write
    from bayou.node.context import Context
    from bayou.node.messages import Ask
    from bayou.node.waiting import WaitingRoom

    Kept = TypeVar("Kept", int, Answer)


NUMBERS_FOR_EACH_ANSWER = 20
SHORT_CHARACTERS = 1024
"""An answer with a longer value is not remembered: there may be very many sessions."""

LONG_AGO = float("-inf")


class Desk:
    """Answers requests, and remembers the last answer of each session in case its request comes again.

    A session has one request under way at a time, so a smaller number than the last is an echo.
    The answers of ``sessions_max`` sessions are remembered, and twenty times as many of their last numbers,
    so that an echo does no harm; the session silent for longest is forgotten first. Answers that are long, or
    may be, are not remembered: such a request is answered afresh. What waits is nowhere remembered as
    answered.
    """

    UNCOMPARED = ("_server",)
    TAGS = ("_answers", "_numbers")

    def __init__(self, server: Context, sessions_max: int) -> None:
        self._server = server
        self._sessions_max = sessions_max
        self._answers: dict[int, Answer] = {}
        self._numbers: dict[int, int] = {}
        self._waiting: WaitingRoom | None = None

    def on_request(self, peer: int, message: Request) -> None:
        """Serve a client. A new server that is not ready leaves it waiting; the client asks again."""
        server = self._server
        if not server.is_member:
            return
        session, number = message.session, message.number
        known = self._numbers.get(session, -1)
        last = self._answers.get(session)
        if number > known or (number == known and last is None and not message.ask.is_write):
            answer = self._first_answer(peer, message)
            if answer is not None:
                self._finish(peer, message, answer)
            return
        if last is not None and number == last.number:
            server.send(peer, last)

    def restore(self, answered: Answered) -> None:
        """Keep the answer to a write, the last of its session, in case its request comes again."""
        reply = Written(answered.stamp, answered.server)
        self._keep(Answer(answered.session, answered.number, OK, reply))

    def _finish(self, peer: int, request: Request, answer: Answer) -> None:
        """Send an answer, which is the last one of its session now."""
        if request.ask.is_kept and _is_short(answer):
            self._keep(answer)
        else:
            self._answers.pop(answer.session, None)
            self._keep_number(answer)
        self._server.send(peer, answer)

    def _keep(self, answer: Answer) -> None:
        if answer.vector is not None:
            vector = answer.vector.afresh()
            answer = Answer(answer.session, answer.number, answer.verdict, answer.reply, vector)
        _remember(self._answers, answer.session, answer, self._sessions_max)
        self._keep_number(answer)

    def _keep_number(self, answer: Answer) -> None:
        most = NUMBERS_FOR_EACH_ANSWER * self._sessions_max
        _remember(self._numbers, answer.session, answer.number, most)

    # Carrying out.

    def _carry_out(self, request: Request, came_at: float = LONG_AGO) -> Answer | None:
        """Carry a request out that came at that time; return the answer, None where it is to wait."""
        ask = request.ask
        if isinstance(ask, Get | Put | Delete):
            _check(ask)
        server = self._server
        replica = server.replica
        session, number = request.session, request.number
        vector = replica.vector
        lacking = _lacking(replica, vector, request)
        if lacking is not None:
            is_patient = server.now < came_at + _patience_s(request)
            return None if is_patient else Answer(session, number, REFUSED, lacking)
        if isinstance(ask, Get):
            value = replica.get(ask.collection, ask.key, committed_only=ask.view == COMMITTED)
            return Answer(session, number, OK, Got(value), vector)
        if not ask.is_write:
            from bayou.node import reading  # scenarios do without

            may_wait = server.now < came_at + reading.wait_s(ask)
            reply = reading.answer(replica, ask, may_wait=may_wait, is_full=server.is_full)
            return None if reply is None else Answer(session, number, OK, reply, vector)
        if replica.retired:
            return Answer(session, number, REFUSED, Lacking(None, 0))
        if server.is_full:
            return Answer(session, number, NO_ROOM)
        try:
            write = self._accept(ask)
        except TurnedDown as error:
            from bayou.node.asks import NotTaken  # as above

            return Answer(session, number, TURNED_DOWN, NotTaken(str(error)))
        server.remember(Answered(session, number, write.stamp, write.server))
        return Answer(session, number, OK, Written(write.stamp, write.server))

    def _accept(self, ask: Ask) -> Write:
        """Accept a write, or several; return the last one."""
        replica = self._server.replica
        if isinstance(ask, Put):
            return replica.put(ask.collection, ask.key, ask.value)
        if isinstance(ask, Delete):
            return replica.delete(ask.collection, ask.key)
        from bayou.node import asks, reading

        if isinstance(ask, asks.Update):
            return reading.update(replica, ask)
        if isinstance(ask, asks.Change):
            return reading.change(replica, ask)
        raise PeerError(f"nobody here can carry out a request of the kind {type(ask).__name__}")

    # Waiting.

    @property
    def due(self) -> float | None:
        """When something is to be done for those who wait, None for never."""
        return None if self._waiting is None else self._waiting.due

    def on_due(self) -> None:
        """The time of somebody who waits is up."""
        if self._waiting is not None:
            self._waiting.on_due(self._server.now)

    def moved(self) -> None:
        """Called after each input that changed the replica."""
        if self._waiting is not None:
            self._waiting.moved(self._server.now)

    def on_link_down(self, peer: int) -> None:
        """Nobody at that connection waits any more."""
        if self._waiting is not None:
            self._waiting.forget_peer(peer)

    def _first_answer(self, peer: int, request: Request) -> Answer | None:
        """Carry out a request that has just come; None where it waits now. What its session waited for before
        is over."""
        room, now = self._waiting, self._server.now
        if room is None and request.floor is None and request.ask.is_kept:
            return self._carry_out(request)
        if request.floor is not None and request.ask.is_write:
            raise PeerError(f"a {type(request.ask).__name__} that waits")
        came_at = None if room is None else room.came_at(request.session, request.number)
        came_at = now if came_at is None else came_at
        may_wait = room is None or room.has_room(peer)
        answer = self._carry_out(request, came_at if may_wait else LONG_AGO)
        if answer is not None:
            if room is not None:
                room.forget(request.session)
            return answer
        if room is None:
            from bayou.node.waiting import WaitingRoom

            room = self._waiting = WaitingRoom(self._serve)
        room.add(peer, request, came_at, self._due(request, came_at))
        return None

    def _serve(self, peer: int, request: Request, came_at: float) -> float | None:
        """Look at a request that waits: when again, None where it is answered."""
        answer = self._carry_out(request, came_at)
        if answer is None:
            return self._due(request, came_at)
        self._finish(peer, request, answer)
        return None

    def _due(self, request: Request, came_at: float) -> float:
        """Return when its patience, or that of what it asks, is at an end."""
        from bayou.node.reading import wait_s

        dues = came_at + wait_s(request.ask), came_at + _patience_s(request)
        return min(due for due in dues if due > self._server.now)


def _remember(kept: dict[int, Kept], key: int, value: Kept, limit: int) -> None:
    """Keep a value, as the latest of ``limit``."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]


def _is_short(answer: Answer) -> bool:
    reply = answer.reply
    return not isinstance(reply, Got) or reply.value is None or len(reply.value) <= SHORT_CHARACTERS


def _patience_s(request: Request) -> float:
    """Return for how long a request may wait for its server to have what it demands."""
    return 0.0 if request.floor is None else min(request.floor.wait_s, WAIT_MAX_S)


def _lacking(replica: Replica, vector: VersionVector, request: Request) -> Lacking | None:
    """Return one thing that a request demands and that its server, whose vector this is, does not have."""
    reads, writes, floor = request.reads, request.writes, request.floor
    if reads is not None and not vector.covers(reads):
        return _missing(vector, reads)
    if writes is not None and not vector.covers_listed(writes):
        return _missing(vector, writes)
    if floor is not None and replica.csn < floor.csn:
        return Lacking(None, floor.csn)
    return None


def _missing(vector: VersionVector, demanded: VersionVector) -> Lacking:
    for name, stamp in zip(demanded.names, demanded.stamps, strict=True):
        if vector.completed(name) < stamp:
            return Lacking(name, stamp)
    retired = [name for name in vector.names if demanded.completed(name) == RETIRED]
    return Lacking(retired[0], RETIRED)


def _check(ask: Get | Put | Delete) -> None:
    """Raise PeerError unless this is about a row that can be."""
    if isinstance(ask, Get) and ask.view not in (FULL, COMMITTED):
        raise PeerError(f"a {type(ask).__name__} in the view {ask.view[:20]!r}")
    try:
        check_row(ask.collection, ask.key, ask.value if isinstance(ask, Put) else None)
    except BadRow as error:
        raise PeerError(str(error)) from error
