"""A client of a log as a machine: what it wants carried out, one at a time, and what it knows decided."""

from __future__ import annotations

from bayou.families.log.messages import (
    Answered,
    BeClient,
    Client,
    Knows,
    Offer,
    Offered,
    Outcome,
    Page,
    Read,
    Redirect,
    Rested,
    Said,
    Say,
    Server,
    Stand,
    Standing,
    Submit,
    Told,
    TooOld,
)
from bayou.machine.effects import AGAIN, Effects, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.messages import Failed, Links, Probe, Waiting
from bayou.paxos.log.messages import Command, SnapshotPart
from bayou.paxos.log.snapshots import Collecting, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import ClassVar, Protocol

    from bayou.families.log.messages import Decree
    from bayou.machine.effects import Input
    from bayou.machine.machine import Event
    from bayou.machine.messages import Message

    class Reader(Protocol):
        """What a family makes of the commands, each taken once, in the order of slots."""

        def take(self, slot: int, command: Command) -> Taken:
            """A command has been delivered; return what came of it."""

        def lines(self) -> list[str]:
            """Return what is to be printed."""


class Taken:
    """What a family made of a command: ``words`` for whoever wanted it, where there is something to be said;
    ``events`` for a trace."""

    __slots__ = ("events", "words")

    def __init__(self, words: str = "", events: Sequence[Event] = ()) -> None:
        self.words = words
        self.events = events


HASTE = 3
"""So many times sooner, what was not answered is said a third time, and so on."""

PAGE_LINES = 2000
PAGE_BYTES = 1 << 20


class ClientEffects(Effects):
    """The effects of a step of a client. ``asked``: the commands that it was told to say; ``told``: what it
    learnt to be decided; ``delivered``: which of its own commands were delivered, and where; ``refused``:
    which of them nobody will ever know about; ``more``: what the family has to say of what was delivered."""

    __slots__ = ("asked", "delivered", "more", "refused", "told")

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, str]] = []
        self.told: list[Decree] = []
        self.delivered: list[tuple[int, int]] = []
        self.refused: list[int] = []
        self.more: list[Event] = []


class LogClient:
    """A client that watches the log.

    - ``first``: the first slot that it does not know decided; ``decided``: what it knows above;
    - ``said``: the number of its last command; ``delivered``: of the last one that was delivered: its slot
      and all lower ones are known to be decided.

    Where servers take snapshots it is to be given ``load``, which is told the state that stands in one, of a
    slot beyond ``first``, and ``first``: what came below has been taken already.
    """

    UNCOMPARED: ClassVar[tuple[str, ...]] = ("_what", "wake_at", "_now", "hello", "_asked_last", "_load")
    TAGS: ClassVar[tuple[str, ...]] = ("_offer", "_watchers")
    is_server = False

    def __init__(
        self,
        address: int,
        what: BeClient,
        reader: Reader,
        load: Callable[[str, int], None] | None = None,
    ) -> None:
        self.id = address
        self.hello = Client(what.client)
        self.wake_at: float | None = None
        self._what = what
        self._now = 0.0
        self._reader = reader
        self._load = load
        self._collecting = Collecting()
        self.first = 0
        self.decided: dict[int, Message] = {}
        self._numbers: dict[int, int] = {}
        self.said = self.delivered = 0
        self._queue: dict[int, str] = {}
        self._since: int | None = None
        self._outcomes: list[Outcome] = []
        self._servers: dict[int, None] = {}
        self._target: int | None = None
        self._has_followed = False
        self._offer: tuple[int, int, Submit] | None = None
        self._asked_last = -1
        self._watchers: list[tuple[int, Stand]] = []

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        """Tell how it is connected."""
        return Links(peers, dialling)

    def check(self) -> None:
        """There is nothing in its state that could contradict itself."""

    def step(self, now: float, given: Input) -> ClientEffects:
        """Process one input."""
        effects = ClientEffects()
        self._now = now
        if isinstance(given, Received):
            self._receive(given.peer, given.message, effects)
        elif isinstance(given, LinkUp):
            self._link(given.peer, given.hello, effects)
        elif isinstance(given, LinkDown):
            self._unlink(given.peer, effects)
        elif isinstance(given, Ordered):
            self._obey(given.number, given.order, effects)
        elif isinstance(given, Tick) and self.wake_at is not None and now >= self.wake_at:
            self._tick(effects)
        self._tell_watchers(effects)
        return effects

    # Servers.

    def _link(self, peer: int, hello: Message | None, effects: ClientEffects) -> None:
        if not isinstance(hello, Server):
            effects.drops.append((peer, "it is no server of a log"))
            return
        self._servers[peer] = None
        effects.sends.append((peer, self._knows(peer)))
        if self._what.is_free and self._target is None:
            self._target = peer
            self._send(effects)

    def _unlink(self, peer: int, effects: ClientEffects) -> None:
        self._servers.pop(peer, None)
        if self._offer is not None and self._offer[1] == peer:
            self._end_offer(effects, is_lost=True)
        if peer == self._target:
            self._turn()
            self._send(effects)

    def _turn(self) -> None:
        """Turn to the next server, by id in a circle."""
        servers = sorted(self._servers)
        target = -1 if self._target is None else self._target
        self._target = next((each for each in servers if each > target), servers[0] if servers else None)

    def _knows(self, peer: int) -> Knows:
        slot, start = self._collecting.ask(peer)
        return Knows(self.first, tuple(sorted(self.decided)), slot, start)

    def _receive(self, peer: int, message: Message, effects: ClientEffects) -> None:
        if isinstance(message, Told):
            for decree in message.decrees:
                self._learn(decree, effects)
            is_echo = bool(message.decrees) and not effects.told
            if not self._what.is_free or (message.first > self.first and not is_echo):
                effects.sends.append((peer, self._knows(peer)))
            self._send_next(effects)
        elif isinstance(message, SnapshotPart) and self._load is not None:
            self._take_part(peer, message, self._load, effects)
        elif isinstance(message, Answered):
            if message.number > self.delivered:
                effects.sends.append((peer, self._knows(peer)))
        elif isinstance(message, TooOld):
            self._give_up(message.number, effects)
        elif isinstance(message, Redirect):
            self._follow(message, effects)
        elif isinstance(message, Rested):
            if self._is_offered(peer, message.number):
                self._end_offer(effects, is_lost=False)
        else:
            effects.drops.append((peer, f"{type(message).__name__} is nothing that a client of a log knows"))

    def _is_offered(self, peer: int, number: int) -> bool:
        return self._offer is not None and (self._offer[1], self._offer[2].number) == (peer, number)

    def _follow(self, message: Redirect, effects: ClientEffects) -> None:
        """A server does not lead: follow the name that it gives, but once only; otherwise the next one is
        asked when it is time."""
        if message.number != self.delivered + 1:
            return
        if self._offer is not None:
            self._end_offer(effects, is_lost=True)
        elif message.leader in self._servers and not self._has_followed:
            self._has_followed = True
            self._target = message.leader
            self._send(effects)

    # What is decided.

    def _learn(self, decree: Decree, effects: ClientEffects) -> None:
        """A slot is decided: deliver what is, as far as there is no gap."""
        if decree.slot < self.first or decree.slot in self.decided:
            return
        self.decided[decree.slot] = decree.value
        effects.told.append(decree)
        self._advance(effects)

    def _advance(self, effects: ClientEffects) -> None:
        while self.first in self.decided:
            slot, value = self.first, self.decided.pop(self.first)
            self.first += 1
            if isinstance(value, Command) and value.number > self._numbers.get(value.client, 0):
                self._numbers[value.client] = value.number
                self._deliver(slot, value, effects)

    def _deliver(self, slot: int, command: Command, effects: ClientEffects) -> None:
        taken = self._reader.take(slot, command)
        effects.more += taken.events
        if command.client != self._what.client:
            return
        self._be_delivered(command.number, slot, effects)
        if taken.words:
            self._outcomes.append(Outcome(slot, command.number, taken.words))

    def _be_delivered(self, number: int, slot: int, effects: ClientEffects) -> None:
        """A command of its own is delivered."""
        self.delivered = number
        self._queue.pop(number, None)
        self._since = None
        self._has_followed = False
        effects.delivered.append((number, slot))

    def _take_part(
        self, peer: int, part: SnapshotPart, load: Callable[[str, int], None], effects: ClientEffects
    ) -> None:
        """What it lacks is in a snapshot by now, which comes in parts."""
        if part.slot <= self.first or not self._collecting.take(peer, part):
            return  # an echo, or needed no more
        snapshot = self._collecting.whole(peer, part.size)
        if snapshot is not None:
            content = unpack(snapshot.text)
            load(content.state, self.first)
            self.first = snapshot.slot
            self.decided = {slot: value for slot, value in self.decided.items() if slot >= self.first}
            self._numbers.update((client, number) for client, number, _ in content.clients)
            for client, number, slot in content.clients:
                if client == self._what.client and number > self.delivered:
                    self._be_delivered(number, slot, effects)
            self._advance(effects)
            self._send_next(effects)
        effects.sends.append((peer, self._knows(peer)))

    def _give_up(self, number: int, effects: ClientEffects) -> None:
        """Nobody will ever know what became of this command."""
        if self._queue.pop(number, None) is not None:
            self.delivered = max(self.delivered, number)
            self._since = None
            effects.refused.append(number)
            self._send_next(effects)

    # What it wants carried out.

    @property
    def _number(self) -> int | None:
        """The number of the command under way, None where there is none."""
        return next(iter(self._queue), None)

    def _send(self, effects: ClientEffects) -> None:
        """Send the command under way to the server that is its turn, and be woken if no answer comes."""
        if not self._what.is_free:
            return
        self.wake_at = self._now + self._what.retry_s
        number = self._number
        if number is not None and self._target is not None:
            effects.sends.append((self._target, self._submission(number)))

    def _submission(self, number: int) -> Submit:
        """Return what is sent to have a command carried out, the same each time."""
        if self._since is None:
            self._since = self.first
        return Submit(number, self._since, self._queue[number])

    def _send_next(self, effects: ClientEffects) -> None:
        """Something was delivered: what comes next, if it has not been sent, is."""
        if self._number is not None and self._since is None:
            self._send(effects)

    def _tick(self, effects: ClientEffects) -> None:
        """No answer has come in time."""
        self.wake_at = self._now + self._what.retry_s
        if self._offer is not None:
            self.wake_at = self._now + self._what.retry_s / HASTE
            effects.notes.append((AGAIN, "a command"))
            effects.sends.append(self._offer[1:])
            return
        if not self._what.is_free:
            self.wake_at = None
            return
        self._has_followed = False
        self._ask_somebody(effects)
        if self._number is not None and not self._is_held_back:
            effects.notes.append((AGAIN, "a command"))
            self._turn()
            self._send(effects)

    def _ask_somebody(self, effects: ClientEffects) -> None:
        """Ask a server what is decided, each time the next one: it may know what no leader tells."""
        servers = sorted(self._servers)
        if servers:
            self._asked_last = next((each for each in servers if each > self._asked_last), servers[0])
            effects.sends.append((self._asked_last, self._knows(self._asked_last)))

    @property
    def _is_held_back(self) -> bool:
        """Whether the command under way is decided, above a gap."""
        number = self._number
        return any(
            isinstance(value, Command) and (value.client, value.number) == (self._what.client, number)
            for value in self.decided.values()
        )

    def say(self, now: float, text: str, effects: ClientEffects) -> int:
        """Have this carried out, after all that was said before; return its number."""
        self._now = now
        self.said += 1
        self._queue[self.said] = text
        effects.asked.append((self.said, text))
        self._send_next(effects)
        return self.said

    # Orders.

    def _obey(self, number: int, order: Message, effects: ClientEffects) -> None:
        if isinstance(order, Say):
            effects.answers.append((number, Said(self.say(self._now, order.text, effects))))
        elif isinstance(order, Offer):
            self._take_offer(number, order.to, effects)
        elif isinstance(order, Stand):
            self._outcomes = [outcome for outcome in self._outcomes if outcome.slot > order.heard]
            self._answer_watchers(effects)
            if _is_known(order, self._standing()):
                self._watchers.append((number, order))
            else:
                effects.answers.append((number, self._standing(with_outcomes=True)))
        elif isinstance(order, Read):
            effects.answers.append((number, self._page(order.start)))
        elif isinstance(order, Probe):
            effects.answers.append((number, Waiting(tuple(self._waits()))))
        else:
            effects.answers.append((number, Failed(f"{type(order).__name__} is no order for a client")))

    def _take_offer(self, number: int, to: int, effects: ClientEffects) -> None:
        self._end_offer(effects, is_lost=True)  # that one was given up
        under_way = self._number
        if under_way is None or to not in self._servers:
            offered = Offered(to not in self._servers, self._standing(with_outcomes=True))
            effects.answers.append((number, offered))
            return
        self._offer = (number, to, self._submission(under_way))
        self.wake_at = self._now + self._what.retry_s
        effects.sends.append(self._offer[1:])

    def _end_offer(self, effects: ClientEffects, *, is_lost: bool) -> None:
        if self._offer is not None:
            effects.answers.append((self._offer[0], Offered(is_lost, self._standing(with_outcomes=True))))
            self._offer = None

    def _page(self, start: int) -> Page:
        lines = self._reader.lines()
        page: list[str] = []
        size = 0
        for line in lines[start : start + PAGE_LINES]:
            size += len(line)
            if page and size > PAGE_BYTES:
                break
            page.append(line)
        return Page(tuple(page), len(lines))

    def _standing(self, *, with_outcomes: bool = False) -> Standing:
        """How it stands."""
        outcomes = tuple(self._outcomes) if with_outcomes else ()
        above = tuple(sorted(self.decided))
        return Standing(self.first, above, None, self.said, self.delivered, self._is_held_back, outcomes)

    def _tell_watchers(self, effects: ClientEffects) -> None:
        if self._watchers:
            standing = self._standing()
            if not all(_is_known(order, standing) for _, order in self._watchers):
                self._answer_watchers(effects)

    def _answer_watchers(self, effects: ClientEffects) -> None:
        """Something is new, or somebody asks anew: whoever asked before need not wait any longer."""
        if self._watchers:
            told = self._standing(with_outcomes=True)
            effects.answers += [(number, told) for number, _ in self._watchers]
            self._watchers.clear()

    def _waits(self) -> list[str]:
        number = self._number
        if self._offer is not None:
            return [f"waits for server {self._offer[1]} to say that everything has come to rest"]
        if number is None:
            return []
        if self._is_held_back:
            return [f"waits for slot {self.first}, which is below its command {number}"]
        where = "any server" if self._target is None else "a leader"
        return [f"waits for {where} to have its command {number} decided"]


def _is_known(order: Stand, standing: Standing) -> bool:
    """Whether who gave this order knows already how a client stands, but for what came of its commands."""
    known = order.known
    if not isinstance(known, Standing):
        return False
    coarse = known.said, known.delivered, known.is_held_back
    if coarse != (standing.said, standing.delivered, standing.is_held_back):
        return False
    return order.is_coarse or (known.first, known.above) == (standing.first, standing.above)
