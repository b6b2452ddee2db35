"""A client that wants a value decided, and to be told which one is."""

from __future__ import annotations

from bayou.decree.messages import Ask, AwaitValue, Propose, Proposers, Proposing, Stop, Told, Watch, Watched
from bayou.machine.effects import Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Failed, Links, Probe, Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

    from bayou.decree.messages import BeClient
    from bayou.machine.effects import Input
    from bayou.machine.messages import Message


class DecreeClient:
    """Asks one proposer after the other, until a learner tells the value; begins when it is ordered to."""

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("wake_at", "watch", "_what")
    TAGS: ClassVar[tuple[str, ...]] = ()
    is_server = False
    hello = None

    def __init__(self, id: int, what: BeClient, watch: Callable[[str], None] | None = None) -> None:
        """``watch`` takes a line for each Accepted that a learner hears, once Watch is ordered. ``stopping``
        has, once Stop is ordered, the nodes that have not been seen to end."""
        self.id = id
        self.value: str | None = None
        self.wake_at: float | None = None
        self.watch = watch
        self._is_watching = False
        self.stopping: dict[int, None] | None = None
        self._what = what
        self._up: dict[int, None] = {}
        self._proposers: tuple[int, ...] = ()
        self._place = what.desired
        self._is_heard = False
        self._has_begun = False
        self._orders: list[int] = []

    def step(self, now: float, given: Input) -> Effects:
        """Process one input."""
        effects = Effects()
        if isinstance(given, LinkUp):
            self._up[given.peer] = None
            greetings = {
                Ask(): self._has_begun,
                Watch(): self._is_watching,
                Stop(): self.stopping is not None,
            }
            effects.sends += [(given.peer, greeting) for greeting, is_due in greetings.items() if is_due]
        elif isinstance(given, LinkDown):
            self._up.pop(given.peer, None)
            if self.stopping is not None:
                self.stopping.pop(given.peer, None)
        elif isinstance(given, Received) and 0 <= given.peer < self._what.nodes:
            self._receive(now, given.peer, given.message, effects)
        elif isinstance(given, Ordered):
            self._obey(now, given.number, given.order, effects)
        elif isinstance(given, Tick) and self.wake_at is not None and now >= self.wake_at:
            self._go_on(now, effects)
        if self.value is not None:
            self.wake_at = None
        return effects

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return Links(peers, dialling)

    def check(self) -> None:
        """Nothing of what it holds could contradict the rest."""

    @property
    def _proposer(self) -> int | None:
        """Whom it asks, None as long as it has not been told who proposes."""
        return self._proposers[self._place % len(self._proposers)] if self._proposers else None

    def _receive(self, now: float, peer: int, message: Message, effects: Effects) -> None:
        if isinstance(message, Told) and self.value is None:
            self.value = message.value
            effects.answers += [(number, message) for number in self._orders]
            self._orders = []
        elif isinstance(message, Proposers) and not self._proposers and self.value is None:
            self._proposers = tuple(id for id in message.ids if 0 <= id < self._what.nodes)
            self._ask_proposer(now, effects)
        elif isinstance(message, Proposing) and peer == self._proposer:
            self._is_heard = True
        elif isinstance(message, Watched) and self.watch is not None:
            number, node = message.ballot
            self.watch(f"learner {peer}: {message.acceptor} accepted {message.value} in {number}.{node}")

    def _obey(self, now: float, number: int, order: Message, effects: Effects) -> None:
        if isinstance(order, AwaitValue):
            if self.value is None:
                self._orders.append(number)
                self._begin(now, effects)
            else:
                effects.answers.append((number, Told(self.value)))
        elif isinstance(order, Watch):
            self._is_watching = True
            effects.sends += [(peer, order) for peer in self._up]
        elif isinstance(order, Stop):
            self.stopping = dict.fromkeys(range(self._what.nodes))
            effects.sends += [(peer, order) for peer in self._up]
        elif isinstance(order, Probe):
            effects.answers.append((number, Waiting(self.waits)))
        else:
            effects.answers.append((number, Failed(f"{type(order).__name__} is no order for a client")))

    @property
    def waits(self) -> tuple[str, ...]:
        """What it waits for, a line each."""
        if self.value is not None:
            return ()
        if self._proposer is None:
            return ("waits to be told who proposes",)
        return (f"waits for proposer {self._proposer} and a learner",)

    def _begin(self, now: float, effects: Effects) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.wake_at = now + self._what.timeout_s
            effects.sends += [(peer, Ask()) for peer in self._up]
            self._ask_proposer(now, effects)

    def _go_on(self, now: float, effects: Effects) -> None:
        """The time is over: the next proposer, where this one is silent, and ask again what is missing."""
        if not self._is_heard and self._proposers:
            self._place += 1
        effects.sends += [(peer, Ask()) for peer in self._up]
        self.wake_at = now + self._what.timeout_s
        self._ask_proposer(now, effects)

    def _ask_proposer(self, now: float, effects: Effects) -> None:
        if self._has_begun and self._proposer is not None:
            self._is_heard = False
            self.wake_at = now + self._what.timeout_s
            effects.sends.append((self._proposer, Propose(self._what.value)))
