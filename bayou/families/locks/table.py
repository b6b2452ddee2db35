"""Who holds which lock, and who waits for it: a function of the commands in the log, taken once each in the
order of slots."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HELD, WAITING, ALREADY, RELEASED, NOT_YOURS, NOTHING = (
    "held", "waiting", "already", "released", "not yours", "nothing",
)  # fmt: skip
"""What comes of a command. NOTHING: its client had been expired before, or it changes nothing."""

LOCK, UNLOCK, EXPIRE, EXPIRE_BELOW, READ = "lock", "unlock", "expire", "expire below", "read"


class Lock:
    """``holder``: who holds it, None for nobody, and ``token``: the slot that made it so; ``queue``: who
    waits for it, in order."""

    __slots__ = ("holder", "queue", "token")

    def __init__(self) -> None:
        self.holder: int | None = None
        self.token = -1
        self.queue: list[int] = []


class Table:
    """``locks``: every lock that a lock command has named, by number; ``grants``: (client, lock, slot) of the
    grants that the last command made."""

    def __init__(self) -> None:
        self.locks: dict[int, Lock] = {}
        self.grants: list[tuple[int, int, int]] = []
        self._expired: dict[int, None] = {}
        self._below = 0

    def take(self, slot: int, client: int, text: str) -> str:
        """Carry out a command of a client, decided in this slot; return what comes of it."""
        self.grants = []
        verb, _, about = text.rpartition(" ")
        if client in self._expired or client < self._below:
            return NOTHING
        if verb == LOCK:
            return self._lock(slot, client, int(about))
        if verb == UNLOCK:
            return self._unlock(slot, client, int(about))
        if verb == EXPIRE:
            self._expire(slot, int(about))
        elif verb == EXPIRE_BELOW:
            self._below = max(self._below, int(about))
            self._take_out(slot, lambda other: other < self._below)
        return NOTHING

    def _lock(self, slot: int, client: int, number: int) -> str:
        lock = self.locks.setdefault(number, Lock())
        if lock.holder == client or client in lock.queue:
            return ALREADY
        if lock.holder is not None:
            lock.queue.append(client)
            return WAITING
        self._grant(number, client, slot)
        return HELD

    def _unlock(self, slot: int, client: int, number: int) -> str:
        lock = self.locks.get(number)
        if lock is None or lock.holder != client:
            return NOT_YOURS
        self._pass_on(number, slot)
        return RELEASED

    def _grant(self, number: int, client: int, slot: int) -> None:
        lock = self.locks[number]
        lock.holder, lock.token = client, slot
        self.grants.append((client, number, slot))

    def _pass_on(self, number: int, slot: int) -> None:
        """The holder is done with it: the first in the queue holds it, or nobody."""
        lock = self.locks[number]
        if lock.queue:
            self._grant(number, lock.queue.pop(0), slot)
        else:
            lock.holder = None

    def _expire(self, slot: int, client: int) -> None:
        self._expired[client] = None
        self._take_out(slot, lambda other: other == client)

    def _take_out(self, slot: int, is_expired: Callable[[int], bool]) -> None:
        """Take clients that are expired out of all locks, by number; nothing is done for them any more."""
        for number, lock in sorted(self.locks.items()):
            lock.queue = [client for client in lock.queue if not is_expired(client)]
            if lock.holder is not None and is_expired(lock.holder):
                self._pass_on(number, slot)

    def lines(self) -> Iterator[str]:
        """Give out a line for each lock, by number: who holds it, and who waits."""
        for number, lock in sorted(self.locks.items()):
            line = f"{number}: {'free' if lock.holder is None else lock.holder}"
            if lock.queue:
                line += f" waiting {','.join(map(str, lock.queue))}"
            yield line
