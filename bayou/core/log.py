"""The write log (Petersen '97, "Basic anti-entropy"): a committed prefix in CSN order, then a
tentative suffix."""

from __future__ import annotations

from bayou.core.errors import PeerError, require
from bayou.core.sortedwrites import SHORT, SortedWrites
from bayou.core.vector import NOTHING, VersionVector
from bayou.core.write import Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterator

    from bayou.core.name import Name
else:
    from _collections import deque  # the C half: see docs/decisions/0002-start-time.md


class WriteLog:
    """The log, and what finds things in it without walking it.

    ``committed`` holds the committed prefix; the write with commit sequence number n stands at n - 1,
    so the log's own CSN is its length. ``tentative`` holds the rest, sorted. Each server's tentative
    writes also stand in a queue by themselves: they are committed in the order in which that server
    accepted them (commitment respects causality), so the next one to go is the first.
    """

    __slots__ = ("_queues", "committed", "tentative")

    def __init__(self, *, short_max: int = SHORT) -> None:
        self.committed: list[Write] = []
        self.tentative = SortedWrites(short_max=short_max)
        self._queues: dict[Name, deque[Write]] = {}

    @property
    def csn(self) -> int:
        """The commit sequence number of the last committed write, 0 where there is none."""
        return len(self.committed)

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

    def commit_all(self) -> list[Write]:
        """Commit all tentative writes in accept order and return them."""
        writes = self.tentative.take_all()
        self._queues.clear()
        self.committed.extend(writes)
        return writes

    def committed_beyond(self, csn: int, vector: VersionVector) -> list[Write]:
        """Return what was committed after ``csn``, in order: a notice where ``vector`` has the write."""
        completed = vector.completed
        return [
            write.notice() if completed(write.server) >= write.stamp else write
            for write in self.committed[csn:]
        ]

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
        """Return up to ``count`` writes from position ``start`` on, and how many of them are committed."""
        stable = self.committed[start : start + count]
        rest = count - len(stable)
        unstable = self.tentative.page(max(0, start - len(self.committed)), rest) if rest else []
        return stable + unstable, len(stable)

    def __iter__(self) -> Iterator[Write]:
        yield from self.committed
        yield from self.tentative

    def __len__(self) -> int:
        return len(self.committed) + len(self.tentative)

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
