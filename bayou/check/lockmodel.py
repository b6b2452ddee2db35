"""What a lock with a queue is, to judges: who holds it, who waits, and what a command makes of that.

Written from the promise alone: a lock is not re-entrant, is handed on in the order of its queue, and a client
that was expired is taken out of it and does nothing any more.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.check.model import Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from bayou.check.model import Operation, State

HELD, WAITING, ALREADY, RELEASED, NOT_YOURS, NOTHING = (
    "held", "waiting", "already", "released", "not yours", "nothing",
)  # fmt: skip
LOCK, UNLOCK, EXPIRE, GRANTED = "lock", "unlock", "expire", "granted"
READING = (ALREADY, NOT_YOURS, NOTHING)
"""The results of commands that change nothing."""

NOBODY = -1


class Lock(Record):
    """A lock: ``holder``, NOBODY where it is free; ``queue``: who waits, in order; ``expired``: who does
    nothing any more."""

    holder: int = NOBODY
    queue: tuple[int, ...] = ()
    expired: tuple[int, ...] = ()

    def after_lock(self, client: int) -> tuple[Lock, str]:
        """Return the lock after a client has asked for it, and the answer."""
        if client in self.expired:
            return self, NOTHING
        if client == self.holder or client in self.queue:
            return self, ALREADY
        if self.holder == NOBODY:
            return Lock(client, self.queue, self.expired), HELD
        return Lock(self.holder, (*self.queue, client), self.expired), WAITING

    def after_unlock(self, client: int) -> tuple[Lock, str]:
        """Return the lock after a client has given it back, and the answer."""
        if client in self.expired:
            return self, NOTHING
        if client != self.holder:
            return self, NOT_YOURS
        return self._handed_on(self.queue, self.expired), RELEASED

    def after_expiry(self, client: int) -> Lock:
        """Return the lock after a client has been taken out of it."""
        queue = tuple(waiting for waiting in self.queue if waiting != client)
        expired = self.expired if client in self.expired else tuple(sorted((*self.expired, client)))
        if client == self.holder:
            return self._handed_on(queue, expired)
        return Lock(self.holder, queue, expired)

    def _handed_on(self, queue: tuple[int, ...], expired: tuple[int, ...]) -> Lock:
        return Lock(queue[0] if queue else NOBODY, queue[1:], expired)

    def __str__(self) -> str:
        who = "free" if self.holder == NOBODY else f"held by {self.holder}"
        return f"{who}, {', '.join(map(str, self.queue))} waiting" if self.queue else who


class QueuedLock(Model):
    """One lock, for a search: ``lock`` and ``unlock`` (with their answers), ``expire`` (argument: of whom),
    and ``granted``: at some moment since it asked, this client held the lock."""

    initial: State = Lock()

    def step(self, state: State, operation: Operation) -> State | None:
        """An answer tells in which states a command can have taken effect."""
        if not isinstance(state, Lock):
            raise TypeError(f"{state!r} is no state of a lock")
        if operation.function == EXPIRE:
            return state.after_expiry(whom(operation))
        if operation.function == GRANTED:
            return state if state.holder == operation.process else None
        after = state.after_lock if operation.function == LOCK else state.after_unlock
        new, answer = after(operation.process)
        return new if operation.result in (None, answer) else None

    def only_reads(self, operation: Operation) -> bool:
        """A grant that came says who held the lock; what changed nothing says so."""
        return operation.function == GRANTED or operation.result in READING

    def likeness(self, operation: Operation) -> Hashable:
        """It makes no difference who says that a client is expired."""
        if operation.function == EXPIRE:
            return EXPIRE, operation.argument
        return operation.process, operation.function, operation.result

    def show(self, operation: Operation) -> str:
        """As ``lock by 2: held``, ``expiry of 1``."""
        if operation.function == EXPIRE:
            return f"expiry of {operation.argument}"
        if operation.function == GRANTED:
            return f"grant to {operation.process}"
        answer = "" if operation.result is None else f": {operation.result}"
        return f"{operation.function} by {operation.process}{answer}"


def whom(operation: Operation) -> int:
    """Return the client that an expiry is of."""
    if not isinstance(operation.argument, int):
        raise TypeError(f"an expiry is of a client, not of {operation.argument!r}")
    return operation.argument
