"""A slow, obvious twin of the lock table: all decrees are applied anew each time somebody asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.consensus_cluster import Command


@dataclass
class Lock:
    holder: int | None = None
    queue: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        if self.holder is None:
            return "free"
        waiting = f" waiting {','.join(map(str, self.queue))}" if self.queue else ""
        return f"{self.holder}{waiting}"


@dataclass(frozen=True)
class Answer:
    """What became of a command: ``held``, ``waiting``, ``already``, ``released``, ``not yours``, ``expired``
    (the decree of the master that takes a client out), or ``nothing`` for a command that came after that."""

    slot: int
    command: Command
    text: str


class Table:
    """Locks by number, after the decrees in ``view``; ``answers`` to them, one each.

    ``grants``: (slot, lock, client), as they happened.
    """

    def __init__(self, view: Iterable[tuple[int, Command]]) -> None:
        self.locks: dict[int, Lock] = {}
        self.expired: set[int] = set()
        self.answers: list[Answer] = []
        self.grants: list[tuple[int, int, int]] = []
        for slot, command in view:
            self.answers.append(Answer(slot, command, self._apply(slot, command)))

    def lines(self) -> list[str]:
        """Return a line for each lock that was ever named, by number."""
        return [f"{number}: {self.locks[number]}" for number in sorted(self.locks)]

    def _apply(self, slot: int, command: Command) -> str:
        verb, number = command.what[0], int(command.what[1])
        if verb == "expireClient":
            return self._expire(slot, number)
        if command.client in self.expired:
            return "nothing"
        return (self._lock if verb == "lock" else self._unlock)(slot, command.client, number)

    def _lock(self, slot: int, client: int, number: int) -> str:
        lock = self.locks.setdefault(number, Lock())
        if lock.holder is None:
            self._grant(slot, number, client)
            return "held"
        if client == lock.holder or client in lock.queue:
            return "already"
        lock.queue.append(client)
        return "waiting"

    def _unlock(self, slot: int, client: int, number: int) -> str:
        if number not in self.locks or self.locks[number].holder != client:
            return "not yours"
        self._pass_on(slot, number)
        return "released"

    def _expire(self, slot: int, client: int) -> str:
        self.expired.add(client)
        for number in sorted(self.locks):
            lock = self.locks[number]
            if client in lock.queue:
                lock.queue.remove(client)
            if lock.holder == client:
                self._pass_on(slot, number)
        return "expired"

    def _pass_on(self, slot: int, number: int) -> None:
        lock = self.locks[number]
        lock.holder = None
        if lock.queue:
            self._grant(slot, number, lock.queue.pop(0))

    def _grant(self, slot: int, number: int, client: int) -> None:
        self.locks[number].holder = client
        self.grants.append((slot, number, client))
