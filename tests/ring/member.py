"""A member of a ring, as a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bayou.core.errors import require
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Failed, Links, Probe, Waiting
from tests.ring.messages import At, Held, Hold, Pass, Passed, Tell, Told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.machine.effects import Input
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

UNKNOWN = -1


class Member:
    """Has had the counter at ``count``, and has it now if ``has_it``.

    One that passes it on gives it away for good before it tells the next one so, and says so again and again
    until that one has it: with nothing lost but what was never durable, there is one counter at most.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("wake_at",)
    TAGS: ClassVar[tuple[str, ...]] = ("_order",)
    is_server = True
    hello = None

    def __init__(self, address: int, *, is_first: bool, retry_s: float) -> None:
        self.id = address
        self.count = 0 if is_first else UNKNOWN
        self.to: int | None = None
        self.wake_at: float | None = None
        self._retry_s = retry_s
        self._order: int | None = None
        self._peers: dict[int, None] = {}

    @property
    def has_it(self) -> bool:
        """Whether it has the counter now."""
        return self.count != UNKNOWN and self.to is None

    def restore(self, records: Iterable[Durable]) -> None:
        """Take what was durable before a crash."""
        for record in records:
            if isinstance(record, At):
                self.count, self.to = record.count, record.to

    def check(self) -> None:
        """Raise InvariantBroken where its state contradicts itself."""
        require(self.count >= UNKNOWN, "a count is 0 at least")
        require(self.to is None or self.count != UNKNOWN, "it passes on what it never had")

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return Links(peers, dialling)

    def step(self, now: float, given: Input) -> Effects:
        """Process one input."""
        effects = Effects()
        if isinstance(given, LinkUp):
            self._peers[given.peer] = None
            if given.peer == self.to:
                self._give(now, effects)
        elif isinstance(given, LinkDown):
            self._peers.pop(given.peer, None)
        elif isinstance(given, Received):
            self._receive(given.peer, given.message, effects)
        elif isinstance(given, Ordered):
            self._obey(now, given.number, given.order, effects)
        elif isinstance(given, Tick) and self.wake_at is not None and now >= self.wake_at:
            self._give(now, effects)
        return effects

    def _receive(self, peer: int, message: Message, effects: Effects) -> None:
        if isinstance(message, Hold):
            if message.count > self.count:
                self._be_at(message.count, None, effects)
                self._order = None  # whoever waited for an earlier passing on knows that it was given up
            effects.sends.append((peer, Held(message.count)))
        elif isinstance(message, Held):
            if peer == self.to and message.count == self.count + 1:
                self.wake_at = None
                if self._order is not None:
                    effects.answers.append((self._order, Passed(message.count)))
                    self._order = None
        else:
            effects.drops.append((peer, f"{type(message).__name__} is nothing that a ring knows"))

    def _obey(self, now: float, number: int, order: Message, effects: Effects) -> None:
        if isinstance(order, Tell):
            effects.answers.append((number, Told(self.count, self.has_it)))
        elif isinstance(order, Probe):
            waits = () if self.wake_at is None else (f"waits for server {self.to} to take the counter",)
            effects.answers.append((number, Waiting(waits)))
        elif isinstance(order, Pass):
            if not self.has_it:
                effects.answers.append((number, Failed("the counter is not here")))
                return
            self._be_at(self.count, order.to, effects)
            self._order = number
            self._give(now, effects)
        else:
            effects.answers.append((number, Failed(f"{type(order).__name__} is no order for a ring")))

    def _be_at(self, count: int, to: int | None, effects: Effects) -> None:
        self.count, self.to = count, to
        effects.durable.append(At(count, to))

    def _give(self, now: float, effects: Effects) -> None:
        """Tell the next one that the counter is its own now, and again later."""
        if self.to is not None:
            if self.to in self._peers:
                effects.sends.append((self.to, Hold(self.count + 1)))
            self.wake_at = now + self._retry_s
