"""Clients of a lock service that carry out scripts, and how worlds make them, with the servers beside."""

from __future__ import annotations

from bayou.core.errors import require
from bayou.families.locks.machines import Locks, events_of, keeping, restore
from bayou.families.locks.machines import make as make_other
from bayou.families.locks.messages import (
    APPLIED,
    ASLEEP,
    AWAKE,
    BUSY,
    ENDED,
    GRANTED,
    QUEUED,
    REMARKED,
    BeScript,
    Follow,
    Report,
)
from bayou.families.locks.script import SLEEP
from bayou.families.locks.table import ALREADY, HELD, LOCK, NOT_YOURS, RELEASED, UNLOCK, WAITING
from bayou.families.log.client import ClientEffects, LogClient
from bayou.machine.effects import Ordered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.families.locks.script import Step
    from bayou.machine.effects import Input
    from bayou.machine.machine import Machine, Surroundings
    from bayou.machine.messages import Links, Message

__all__ = ["events_of", "keeping", "make", "restore"]

REMARKS = {ALREADY: "holds it already, or waits for it", NOT_YOURS: "does not hold it"}


class ScriptClient:
    """Carries out the steps of a script, one after another, as a client of the log.

    Each move is told to the master, and the next one is made only when the master knows of it: so what a
    master tells of grants is in the order in which clients had them.

    - ``moves``: how many it has made; ``state``: what the last one has led to, as
      bayou.families.locks.messages has it.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_asleep_until",)
    TAGS: ClassVar[tuple[str, ...]] = ("_follower",)
    is_server = False

    def __init__(self, address: int, what: BeScript, locks: Locks) -> None:
        self.id = address
        self._log = LogClient(address, what, locks)
        self.hello = self._log.hello
        self._client = what.client
        self._locks = locks
        self._steps = what.steps
        self._next = 0
        self._step: Step | None = None
        self._lock = self._token = self._number = 0
        self._words = ""
        self._asleep_until: float | None = None
        self.moves = 0
        self.state = APPLIED
        self._told = -1
        self._follower: tuple[int, Follow] | None = None

    @property
    def wake_at(self) -> float | None:
        """When it wants a Tick."""
        times = [time for time in (self._log.wake_at, self._asleep_until) if time is not None]
        return min(times) if times else None

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return self._log.survey(peers, dialling)

    def check(self) -> None:
        """Raise InvariantBroken where its state contradicts itself."""
        self._log.check()
        if self.state == ENDED:
            require(not self._held(), "a script that has ended holds nothing")

    def step(self, now: float, given: Input) -> ClientEffects:
        """Process one input."""
        if isinstance(given, Ordered) and isinstance(given.order, Follow):
            effects = ClientEffects()
            self._follow(given.number, given.order, effects)
        else:
            effects = self._log.step(now, given)
        while self._go_on(now, effects):
            pass
        self._report(effects)
        return effects

    # What the master is told.

    def _follow(self, number: int, order: Follow, effects: ClientEffects) -> None:
        if self._follower is not None:
            effects.answers.append((self._follower[0], self._standing()))
        self._follower = (number, order)
        self._told = max(self._told, order.moves)

    def _report(self, effects: ClientEffects) -> None:
        if self._follower is None:
            return
        number, order = self._follower
        if self.moves > order.moves or 0 < order.first <= self._log.first:
            self._follower = None
            effects.answers.append((number, self._standing()))

    def _standing(self) -> Report:
        holder = None
        if self.state == QUEUED:
            holder = self._locks.table.locks[self._lock].holder
        line = 0 if self._step is None else self._step.line
        return Report(
            self.moves, self.state, line, self._log.first, self._lock, self._token, holder, self._words
        )

    def _move(self, state: str, *, token: int = 0, words: str = "") -> None:
        self.moves += 1
        self.state, self._token, self._words = state, token, words

    # The script.

    def _go_on(self, now: float, effects: ClientEffects) -> bool:
        """Make the next move, if it is time; return whether something was done."""
        if self._told < self.moves or self.state == ENDED:
            return False
        if self.state == BUSY:
            return self._see_result(now, effects)
        if self.state == QUEUED:
            return self._see_grant(now, effects)
        if self.state == ASLEEP:
            if self._asleep_until is not None and now < self._asleep_until:
                return False
            self._asleep_until = None
            self._move(AWAKE)
            return True
        self._begin_next(now, effects)
        return True

    def _begin_next(self, now: float, effects: ClientEffects) -> None:
        """Begin the next step; after the last one, give a lock back that is still held, or end."""
        step = self._steps[self._next] if self._next < len(self._steps) else None
        self._step = step
        if step is not None:
            self._next += 1
            self._lock = step.lock
            if step.verb == SLEEP:
                self._asleep_until = now + step.seconds
                self._move(ASLEEP)
            else:
                self._say(step.verb, now, effects)
        elif held := self._held():
            self._lock = held[0]
            self._say(UNLOCK, now, effects)
        else:
            self._move(ENDED)

    def _held(self) -> list[int]:
        """Return the locks that it holds, the lowest number first."""
        locks = self._locks.table.locks
        return sorted(number for number, lock in locks.items() if lock.holder == self._client)

    def _say(self, verb: str, now: float, effects: ClientEffects) -> None:
        self.state = BUSY
        self._locks.result = ""
        self._number = self._log.say(now, f"{verb} {self._lock}", effects)
        self._note("invoked", verb, now, effects)

    def _see_result(self, now: float, effects: ClientEffects) -> bool:
        """A command is under way: go on once it has been carried out."""
        if self._log.delivered < self._number:
            return False
        result = self._locks.result
        if result in (HELD, WAITING):
            self.state = QUEUED
            if not self._see_grant(now, effects):
                self._move(QUEUED)
            return True
        self._note("returned", UNLOCK if result in (RELEASED, NOT_YOURS) else LOCK, now, effects, result)
        if result == RELEASED:
            self._move(APPLIED)
        else:
            self._move(REMARKED, words=REMARKS.get(result, "has been expired: nothing is done for it"))
        return True

    def _see_grant(self, now: float, effects: ClientEffects) -> bool:
        """It waits for a lock: go on once that has been granted."""
        lock = self._locks.table.locks[self._lock]
        if lock.holder != self._client:
            return False
        self._note("returned", LOCK, now, effects, HELD, lock.token)
        self._move(GRANTED, token=lock.token)
        return True

    def _note(
        self,
        what: str,
        verb: str,
        now: float,
        effects: ClientEffects,
        result: str = "",
        token: int | None = None,
    ) -> None:
        """Add an event of the lock's history: by its own clock, when something was asked or came back."""
        about = {"event": what, "client": self._client, "f": verb, "lock": self._lock, "at": now}
        effects.more.append({**about, "result": result, "slot": token} if what == "returned" else about)


def make(address: int, what: Message, around: Surroundings) -> Machine:
    """Return a new server, a client that carries out a script, or another one."""
    if isinstance(what, BeScript):
        return ScriptClient(address, what, Locks(what.client))
    return make_other(address, what, around)
