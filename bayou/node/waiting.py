"""Requests that wait at a server until something has happened, or their time is up."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.node.messages import Request

EACH_MAX = 256
ALL_MAX = 4096
"""How many requests wait at most: for the peer at one connection, and in all."""

FEW = 16
LOOK_S = 0.02
"""Up to so many waiting requests are looked at whenever something has changed, more of them only so often."""


class Waiter:
    """A request that waits: whom to answer, when it came, and when it is to be looked at again at the
    latest."""

    __slots__ = ("came_at", "due", "peer", "request")

    UNCOMPARED = ("came_at", "due")

    def __init__(self, peer: int, request: Request, came_at: float, due: float) -> None:
        self.peer = peer
        self.request = request
        self.came_at = came_at
        self.due = due


class WaitingRoom:
    """The requests that wait, one for each session, the ones that came first in front.

    ``serve`` is called with a request that may be answered now (whom to answer, the request, and when it
    came), and says when it is to be looked at again, None where it was answered.
    """

    UNCOMPARED = ("_look_due", "_looked_at", "_serve")
    TAGS = ("_waiters",)

    def __init__(self, serve: Callable[[int, Request, float], float | None]) -> None:
        self._serve = serve
        self._waiters: dict[int, Waiter] = {}
        self._looked_at = float("-inf")
        self._look_due: float | None = None

    @property
    def due(self) -> float | None:
        """When something is to be done at the latest, None for never."""
        dues = [waiter.due for waiter in self._waiters.values()]
        if self._look_due is not None:
            dues.append(self._look_due)
        return min(dues, default=None)

    def has_room(self, peer: int) -> bool:
        """Whether one more request by that peer may wait."""
        waiters = self._waiters
        return len(waiters) < ALL_MAX and sum(each.peer == peer for each in waiters.values()) < EACH_MAX

    def came_at(self, session: int, number: int) -> float | None:
        """Return since when this very request is waiting, None where it is not."""
        waiter = self._waiters.get(session)
        return None if waiter is None or waiter.request.number != number else waiter.came_at

    def add(self, peer: int, request: Request, came_at: float, due: float) -> None:
        """Let a request wait, in place of an earlier one of its session."""
        self._waiters[request.session] = Waiter(peer, request, came_at, due)

    def forget(self, session: int) -> None:
        """Whatever waits there of this session need not be answered."""
        self._waiters.pop(session, None)

    def forget_peer(self, peer: int) -> None:
        """The connection to ``peer`` is gone: it asks again, if it still wants to know."""
        self._waiters = {at: each for at, each in self._waiters.items() if each.peer != peer}

    def moved(self, now: float) -> None:
        """Something has changed: look at all that wait, or soon where they are many."""
        if len(self._waiters) <= FEW or now >= self._looked_at + LOOK_S:
            self._look(now)
        elif self._look_due is None:
            self._look_due = self._looked_at + LOOK_S

    def on_due(self, now: float) -> None:
        """Look at those whose time is up, or at all of them."""
        if self._look_due is not None and now >= self._look_due:
            self._look(now)
        else:
            self._look_at([waiter for waiter in self._waiters.values() if now >= waiter.due])

    def _look(self, now: float) -> None:
        self._looked_at, self._look_due = now, None
        self._look_at(list(self._waiters.values()))

    def _look_at(self, waiters: list[Waiter]) -> None:
        for waiter in waiters:
            due = self._serve(waiter.peer, waiter.request, waiter.came_at)
            if due is None:
                self._waiters.pop(waiter.request.session, None)
            else:
                waiter.due = due
