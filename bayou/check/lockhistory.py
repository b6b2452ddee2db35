"""What clients of a lock service asked and were told, from the events of a trace; and what comes of their
commands where they are carried out again, one after another, in the order of their slots."""

from __future__ import annotations

from bayou._record import Record
from bayou.check.decrees import value_of
from bayou.check.history import HistoryError
from bayou.check.lockmodel import EXPIRE, LOCK, NOBODY, NOTHING, UNLOCK, Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Event = dict[str, Any]
    CommandId = tuple[int, int]

READ = "read"


class Order(Record):
    """A command: whose and which number; what it does, to which lock (an expiry: to which client)."""

    client: int
    number: int
    verb: str
    about: int

    @property
    def id(self) -> CommandId:
        """What tells it from all others."""
        return self.client, self.number

    def __str__(self) -> str:
        return f"{self.verb} {self.about} (number {self.number} of client {self.client})"


class Result(Record):
    """A client was told, by event ``at``, what came of a command, and in which slot."""

    at: int
    slot: int
    text: str


class Grant(Record):
    """A client was told, by event ``at``, that it holds a lock since this slot."""

    at: int
    client: int
    lock: int
    slot: int


class LockHistory:
    """- ``asked``: each command that a client was told to have carried out, and by which event;
    - ``results``: what came of commands; ``twice``: results that are not the first one of their command;
    - ``grants``: in the order of the trace; ``log``: the command in each slot that anybody knows decided, or
      that an answer names;
    - ``gone``: the clients that crashed, and by which event; ``rests``: events by which all was at rest, with
      a majority.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self.asked: dict[CommandId, tuple[int, Order]] = {}
        self.results: dict[CommandId, Result] = {}
        self.twice: list[tuple[CommandId, Result]] = []
        self.grants: list[Grant] = []
        self.log: dict[int, Order] = {}
        self.gone: dict[int, int] = {}
        self.rests: list[int] = []
        for at, event in enumerate(events, start=1):
            self._take(at, event)
        for id, result in [*self.results.items(), *self.twice]:
            if id in self.asked:
                self.log.setdefault(result.slot, self.asked[id][1])

    def _take(self, at: int, event: Event) -> None:
        kind = event["event"]
        if kind == "asked":
            order = _order(event["client"], event["number"], event["text"])
            self.asked.setdefault(order.id, (at, order))
        elif kind in ("told", "decided") and "value" in event:
            value = value_of(event["value"])
            if value[0] == "command":
                self.log.setdefault(event["slot"], _order(*value[1:]))
        elif kind == "result":
            id = event["client"], event["number"]
            result = Result(at, event["slot"], event["result"])
            if self.results.setdefault(id, result) is not result:
                self.twice.append((id, result))
        elif kind == "granted":
            self.grants.append(Grant(at, event["client"], event["lock"], event["slot"]))
        elif kind == "crashed client":
            self.gone.setdefault(event["client"], at)
        elif kind == "cleared" and event.get("majority") is True:
            self.rests.append(at)


def _order(client: int, number: int, text: str) -> Order:
    """Read a command; HistoryError where it is none of a lock service."""
    verb, _, about = text.partition(" ")
    if verb == READ and not about:
        return Order(client, number, verb, NOBODY)
    if verb not in (LOCK, UNLOCK, EXPIRE) or not (about.isascii() and about.isdigit()):
        raise HistoryError(f"{text[:40]!r} is no command of a lock service")
    return Order(client, number, verb, int(about))


class Replay:
    """The commands of a log, carried out in the order of their slots, each client's each once.

    ``answers``: of each slot the command, and what comes of it; ``grants``: (client, lock, slot) of each
    grant, in order.
    """

    def __init__(self, log: dict[int, Order]) -> None:
        self.answers: dict[int, tuple[Order, str]] = {}
        self.grants: dict[tuple[int, int, int], None] = {}
        self._locks: dict[int, Lock] = {}
        self._expired: dict[int, None] = {}
        numbers: dict[int, int] = {}
        for slot, order in sorted(log.items()):
            if order.number > numbers.get(order.client, 0):
                numbers[order.client] = order.number
                self.answers[slot] = order, self._carry_out(slot, order)

    def _carry_out(self, slot: int, order: Order) -> str:
        if order.client in self._expired or order.verb == READ:
            return NOTHING
        if order.verb == EXPIRE:
            self._expired[order.about] = None
            for number, lock in sorted(self._locks.items()):
                self._change(slot, number, lock.after_expiry(order.about))
            return NOTHING
        lock = self._locks.get(order.about, Lock())
        new, answer = (lock.after_lock if order.verb == LOCK else lock.after_unlock)(order.client)
        self._change(slot, order.about, new)
        return answer

    def _change(self, slot: int, number: int, new: Lock) -> None:
        if new.holder not in (NOBODY, self._locks.get(number, Lock()).holder):
            self.grants[new.holder, number, slot] = None
        self._locks[number] = new
