"""The write log (Petersen '97, "Basic anti-entropy"): a committed prefix in CSN order, whose beginning is
kept elsewhere (bayou.core.past), then a tentative suffix."""

from __future__ import annotations

from bayou.core.errors import PeerError, require
from bayou.core.past import NO_LIMIT, MemoryPast
from bayou.core.sortedwrites import SHORT, SortedWrites
from bayou.core.vector import NOTHING, VersionVector
from bayou.core.write import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterator

    from bayou.core.name import Name
    from bayou.core.past import Past
else:
    from _collections import deque  # the C half: see docs/decisions/0002-start-time.md

PAGE_CHARACTERS = 1 << 20
"""How much of the past a page of a log holds at most."""


def noticed(writes: list[Write], vector: VersionVector) -> list[Write]:
    """Return committed writes as they are told to whoever has ``vector``: a notice for each that it has."""
    completed = vector.completed
    return [write.notice() if completed(write.server) >= write.stamp else write for write in writes]


class WriteLog:
    """The log, and what finds things in it without walking it.

    ``committed`` holds what was committed beyond the base of ``past``, whose CSN is ``start``: the write
    with commit sequence number n stands at n - 1 - ``start``. What came before is in ``past``, as far as it
    is kept. ``tentative`` holds the rest, sorted. Each server's tentative writes also stand in a queue by
    themselves: they are committed in the order in which that server accepted them (commitment respects
    causality), so the next one to go is the first.
    """

    __slots__ = ("_queues", "committed", "past", "start", "tentative")

    def __init__(self, past: Past | None = None, *, short_max: int = SHORT) -> None:
        self.past: Past = MemoryPast() if past is None else past
        self.start = self.past.base.csn
        self.committed: list[Write] = []
        self.tentative = SortedWrites(short_max=short_max)
        self._queues: dict[Name, deque[Write]] = {}

    @property
    def csn(self) -> int:
        """The commit sequence number of the last committed write, 0 where there is none."""
        return self.start + len(self.committed)

    def add(self, write: Write) -> None:
        """Put a new tentative write in its place: the latest of its own server, anywhere among others'."""
        self.tentative.add(write)
        queue = self._queues.get(write.server)
        if queue is None:
            self._queues[write.server] = deque((write,))
        else:
            queue.append(write)

    def commit_new(self, write: Write) -> None:
        """Commit a write that was not here before."""
        if write.server in self._queues:
            raise PeerError(f"{write} is to be committed before earlier writes of the same server")
        self.committed.append(write)

    def commit_known(self, stamp: int, server: Name) -> Write:
        """Commit the tentative write of that stamp and server and return it.

        Raises PeerError where it is not the next one of that server.
        """
        queue = self._queues.get(server)
        if queue is None or queue[0].stamp != stamp:
            raise PeerError(
                f"a commit notice for ({stamp} {server}), which is not the next tentative write of it"
            )
        write = queue.popleft()
        if not queue:
            del self._queues[server]
        self.tentative.remove(write)
        self.committed.append(write)
        return write

    def is_first(self, stamp: int, server: Name) -> bool:
        """Whether that write is the first of the tentative suffix."""
        if not self.tentative:
            return False
        first = self.tentative.first
        return first.stamp == stamp and first.server is server

    def is_tentative(self, stamp: int, server: Name) -> bool:
        """Whether that write stands in the tentative suffix."""
        queue = self._queues.get(server)
        return queue is not None and queue[0].stamp <= stamp <= queue[-1].stamp

    def csn_of(self, stamp: int, server: Name) -> int | None:
        """Return the CSN of that write if it was committed beyond the base, otherwise None. A step for
        each."""
        for csn, write in enumerate(self.committed, self.start + 1):
            if write.stamp == stamp and write.server is server:
                return csn
        return None

    def find_tentative(self, stamp: int, server: Name) -> Write | None:
        """Return the tentative write of that stamp and server, or None."""
        for write in self._queues.get(server, ()):
            if write.stamp == stamp:
                return write
        return None

    def tentative_of(self, server: Name) -> list[Write]:
        """Return the tentative writes of a server, in the order in which it accepted them."""
        return list(self._queues.get(server, ()))

    def commit_all(self) -> list[Write]:
        """Commit all tentative writes in accept order and return them."""
        writes = self.tentative.take_all()
        self._queues.clear()
        self.committed.extend(writes)
        return writes

    def fold(self, upto: int) -> list[Write]:
        """Hand over the committed writes up to that CSN, which the past is to keep from now on."""
        count = upto - self.start
        writes = self.committed[:count]
        del self.committed[:count]
        self.start = upto
        return writes

    def begin_anew(self, csn: int, covered: VersionVector) -> list[Write]:
        """Stand behind a base of that CSN whose vector is ``covered``: no committed write is left, nor a
        tentative one that the base has; return those."""
        self.committed = []
        self.start = csn
        gone: list[Write] = []
        for server, queue in list(self._queues.items()):
            known = covered.completed(server)
            while queue and queue[0].stamp <= known:
                gone.append(queue.popleft())
            if not queue:
                del self._queues[server]
        for write in gone:
            self.tentative.remove(write)
        return gone

    def stable(self, start: int, stop: int, characters_max: int = NO_LIMIT) -> list[Write]:
        """Return the committed writes with the CSNs ``start`` + 1 to ``stop``: fewer, but one at least,
        where they are of the past, and as many as fit into ``characters_max``, or up to where the past
        ends."""
        if start < self.start:
            return self.past.committed(start, min(stop, self.start), characters_max)
        return self.committed[start - self.start : stop - self.start]

    def committed_beyond(self, csn: int, vector: VersionVector) -> list[Write]:
        """Return what was committed after ``csn``, in order: a notice where ``vector`` has the write."""
        writes = self.stable(csn, self.csn) if csn < self.csn else []
        if csn < self.start:
            writes += self.committed
        return noticed(writes, vector)

    def tentative_beyond(self, vector: VersionVector) -> list[Write]:
        """Return the tentative writes that ``vector`` lacks, in accept order.

        Cost: a step for each server that has tentative writes, and O(k log k) for the k writes found.
        """
        found: list[Write] = []
        for server, queue in self._queues.items():
            known = vector.completed(server)
            if known == NOTHING:
                found.extend(queue)
            elif queue[-1].stamp > known:
                for write in reversed(queue):
                    if write.stamp <= known:
                        break
                    found.append(write)
        found.sort()
        return found

    def page(self, start: int, count: int) -> tuple[list[Write], int]:
        """Return up to ``count`` writes from position ``start`` on, counted from the first that is not
        omitted, and how many of them are committed: fewer where the past gives out no more in one go."""
        csn = self.past.omitted_csn + start
        if csn < self.csn:
            stable = self.stable(csn, min(self.csn, csn + count), PAGE_CHARACTERS)
            if csn + len(stable) < self.csn:
                return stable, len(stable)
            start, count = 0, count - len(stable)
        else:
            stable, start = [], csn - self.csn
        return stable + (self.tentative.page(start, count) if count else []), len(stable)

    def __iter__(self) -> Iterator[Write]:
        """Go through all that is not omitted."""
        csn = self.past.omitted_csn
        while csn < self.start:
            writes = self.stable(csn, self.start)
            yield from writes
            csn += len(writes)
        yield from self.committed
        yield from self.tentative

    def __len__(self) -> int:
        return self.csn - self.past.omitted_csn + len(self.tentative)

    def check(self) -> None:
        """Raise InvariantBroken unless the log is sorted, without doubles, and its queues agree with it."""
        tentative = list(self.tentative)
        require(tentative == sorted(tentative), "the tentative suffix is not in accept order")
        seen = {(write.stamp, write.server) for write in self}
        require(len(seen) == len(self), "a write stands in the log twice")
        latest: dict[Name, int] = {}
        for write in self:
            require(
                latest.get(write.server, 0) < write.stamp, f"{write} comes after a later write of its server"
            )
            latest[write.server] = write.stamp
        queues: dict[Name, list[Write]] = {}
        for write in tentative:
            queues.setdefault(write.server, []).append(write)
        kept = {server: list(queue) for server, queue in self._queues.items()}
        require(queues == kept, "the queues by server are not what the tentative suffix makes")
