"""What is due when: virtual time, and a queue of inputs for nodes."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf

from bayou.machine.effects import Received

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.machine.effects import Input
    from bayou.worlds.simulated.link import Link


class Arrival:
    """Something that is due at ``at_s``: an input for ``node``, unless it is ``cancelled`` before.

    ``link`` is the connection on which a message travels; it dies with that.
    """

    __slots__ = ("at_s", "cancelled", "given", "link", "node", "number")

    def __init__(self, at_s: float, number: int, node: int, given: Input, link: Link | None) -> None:
        self.at_s = at_s
        self.number = number
        self.node = node
        self.given = given
        self.link = link
        self.cancelled = False

    def __lt__(self, other: Arrival) -> bool:
        return (self.at_s, self.number) < (other.at_s, other.number)

    @property
    def is_alive(self) -> bool:
        """Whether it will come about."""
        return not self.cancelled and (self.link is None or self.link.is_up)


class Scheduler:
    """Virtual time, and what is due: in the order of time, and of scheduling for the same time.

    ``now_s``: virtual seconds since the start.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self._queue: list[Arrival] = []
        self._count = 0

    def schedule(self, at_s: float, node: int, given: Input, link: Link | None = None) -> None:
        """Let a node have an input at that time."""
        self._count += 1
        heappush(self._queue, Arrival(at_s, self._count, node, given, link))

    def next_at_s(self) -> float:
        """Return when something is due next, infinity for never."""
        while self._queue and not self._queue[0].is_alive:
            heappop(self._queue)
        return self._queue[0].at_s if self._queue else inf

    def take(self) -> Arrival:
        """Take what is due next, and let it be that time. ``next_at_s`` must have said that there is one."""
        due = heappop(self._queue)
        self.now_s = max(self.now_s, due.at_s)
        return due

    def flights(self) -> list[Arrival]:
        """Return the messages on their way, the one due first at the front."""
        return sorted(due for due in self._queue if due.link is not None and due.is_alive)

    def on_link(self, link: Link) -> Iterator[Received]:
        """Give out the messages on their way over a connection."""
        for due in self._queue:
            if due.link is link and isinstance(due.given, Received):
                yield due.given

    def clear(self) -> None:
        """Nothing is due any more."""
        self._queue.clear()
