"""The simulated world: every node in this process, virtual time, a network that is a list.

No thread, socket or file; a run is a function of what it is told and of its seed. The network, the nodes and
whoever makes up a workload draw from separate random streams, so that one more message does not change
what nodes decide.
"""

from __future__ import annotations

import random
import sys
from heapq import heappop, heappush
from math import inf

from bayou.core.errors import BayouError
from bayou.node.client import Client
from bayou.node.effects import AGAIN, Effects, Input, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.node.messages import Failed, Join, Links, Message, Probe, Waiting
from bayou.node.server import Server, Settings
from bayou.trace.events import of_client, of_server
from bayou.worlds.faults import BEHIND_S, Weather
from bayou.worlds.world import DeadlineExceeded, GivenUp, Gone, WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from bayou.core.items import Items
    from bayou.node.facts import Fact
    from bayou.trace.events import Event
    from bayou.worlds.faults import Faults

    class Watcher(Protocol):
        """Whom a world shows its messages."""

        def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
            """A message was sent, and arrives so many times."""

        def asked_again(self, what: str) -> None:
            """A node asked for something again, as no answer had come in time."""

        def cut(self, message: Message) -> None:
            """A connection was cut while this was on its way."""

        def lost(self) -> None:
            """A crash lost what a server had not made durable."""


LATENCY_S = 0.001
FLUSH = Tick()
"""What a node has written is durable now: an event of the world, which no node sees."""

CRASH = Tick()
"""A node stops: an event of the world too."""


class Arrival:
    """Something that is due at ``at_s``: an input for ``node``, unless it is ``cancelled`` before.

    ``link`` is the connection on which a message travels; it dies with that.
    """

    __slots__ = ("at_s", "cancelled", "given", "link", "node", "number")

    def __init__(self, at_s: float, number: int, node: int, given: Input, link: Link | None) -> None:
        self.at_s = at_s
        self.number = number
        self.node = node
        self.given = given
        self.link = link
        self.cancelled = False

    def __lt__(self, other: Arrival) -> bool:
        return (self.at_s, self.number) < (other.at_s, other.number)


class Link:
    """One connection between two nodes, from the moment that it is made until it is cut."""

    __slots__ = ("ends", "is_up")

    def __init__(self, a: int, b: int) -> None:
        self.ends = (a, b)
        self.is_up = True


class SimulatedWorld:
    """A World without I/O. See bayou.worlds.world.World for what the master calls.

    Tests and explorers can take the network into their own hands: ``flights`` lists the messages on
    their way, and ``deliver``, ``lose`` and ``repeat`` decide what becomes of each.

    - ``nodes``: the servers and clients by id;
    - ``journals``: what each server made durable, from which it is restarted after a crash;
    - ``weather``: the faults of the links; ``observe``: is told all events, if set; ``watcher``: sees all
      messages, if set; ``complain``: takes lines about nodes, which go to standard error otherwise;
      ``patience_s``: how long a command may take;
    - ``dropped``: (node, peer, reason) of each connection that a node dropped for bad behaviour;
    - ``now_s``: virtual seconds since the start; ``steps``: inputs processed.
    """

    def __init__(
        self,
        settings: WorldSettings | None = None,
        *,
        seed: int = 0,
        server_settings: Settings | None = None,
        check: bool = False,
        latency_s: float = LATENCY_S,
        flush_s: float = 0.0,
        behind_s: float = BEHIND_S,
    ) -> None:
        """``check`` walks all invariants of a node after each of its steps; a message takes ``latency_s``
        virtual seconds, and making something durable ``flush_s``: what a node does after that waits for it,
        and a crash loses it. ``behind_s``: how late doubled and overtaken messages are at most."""
        self.settings = settings or WorldSettings()
        self.nodes: dict[int, Server | Client] = {}
        self.journals: dict[int, list[Items | Fact]] = {}
        self.dropped: list[tuple[int, int, str]] = []
        self.now_s = 0.0
        self.steps = 0
        self._server_settings = server_settings or self._default_server_settings()
        self.weather = Weather(random.Random(f"network {seed}"), behind_s=behind_s)
        self.observe: Callable[[Event], None] | None = None
        self.watcher: Watcher | None = None
        self.complain: Callable[[str], None] | None = lambda line: print(line, file=sys.stderr)
        self.patience_s = self.settings.deadline_s
        self._rng = random.Random(f"nodes {seed}")
        self._check = check
        self._flush_s = flush_s
        self._skews_s: dict[int, float] = {}
        self._unflushed: dict[int, list[tuple[Input, Effects]]] = {}
        self._latency_s = latency_s
        self._links: dict[tuple[int, int], Link] = {}
        self._events: list[Arrival] = []
        self._event_count = 0
        self._order_count = 0
        self._answers: dict[int, Message] = {}
        self._owed: dict[int, int] = {}
        self._given_up: dict[int, tuple[int, Message]] = {}
        self._alarms: dict[int, float] = {}
        self._departed: dict[int, None] = {}
        self._crashed: dict[int, None] = {}
        self._is_interrupted = False
        self._deadline_s = self.patience_s

    # What the master calls.

    def begin(self) -> None:
        self._deadline_s = self.now_s + self.patience_s

    def start_server(self, node: int, peers: Sequence[int], join: Join, *, paused: bool) -> Message:
        self.add_server(node, peers, paused=paused)
        try:
            answer = self.ask(node, join)
        except BayouError:
            self._discard(node)
            raise
        if isinstance(answer, Failed):
            self._discard(node)
        return answer

    def _discard(self, node: int) -> None:
        """End a server that could not join after all."""
        self._unflushed.pop(node, None)
        if node in self.nodes:
            self._remove(node)
            self._departed.pop(node)

    def start_client(self, node: int, server: int) -> None:
        self.nodes[node] = Client(node, self._new_rng(), self.settings.guarantees)
        self.connect(node, server)

    def connect(self, a: int, b: int) -> None:
        self._look_for(a, b)
        self.disconnect(a, b)
        self._look_for(a, b)  # one may have left on hearing of that
        link = self._links[_pair(a, b)] = Link(a, b)
        machines = {node: self.nodes[node] for node in (a, b)}
        for node, peer in ((a, b), (b, a)):
            if link.is_up:  # the other one may have left on hearing of it
                self._step(node, LinkUp(peer, isinstance(machines[peer], Server), machines[peer].name))

    def _look_for(self, a: int, b: int) -> None:
        if a not in self.nodes or b not in self.nodes:
            raise Gone(f"{a} and {b} can't be connected: one of them is gone")

    def disconnect(self, a: int, b: int) -> None:
        link = self._links.pop(_pair(a, b), None)
        if link is not None:
            self._cut(link)
            self._step(a, LinkDown(b))
            self._step(b, LinkDown(a))

    def ask(self, node: int, order: Message) -> Message:
        return self.ask_all([(node, order)])[0]

    def ask_all(self, orders: Sequence[tuple[int, Message]]) -> list[Message]:
        numbers = [self.order(node, order) for node, order in orders]
        try:
            while not all(number in self._answers for number in numbers):
                self._run_one()
        except BayouError:
            self._given_up.update(zip(numbers, orders, strict=True))
            raise
        return [self._answers.pop(number) for number in numbers]

    def catch_up(self) -> None:
        """Time stands still between commands."""

    def survey(self) -> dict[int, Links | None]:
        found: dict[int, Links | None] = {}
        for node, machine in sorted(self.nodes.items()):
            peers = tuple(ends[0] if ends[1] == node else ends[1] for ends in self._links if node in ends)
            if isinstance(machine, Client):
                peers = () if machine.server is None else (machine.server,)
            found[node] = Links(peers, (), isinstance(machine, Server) and machine.paused)
        return found

    def process_of(self, node: int) -> int | None:
        return None

    def take_late(self) -> list[tuple[int, Message, Message]]:
        come = [number for number in self._given_up if number in self._answers]
        return [(*self._given_up.pop(number), self._answers.pop(number)) for number in come]

    def owing(self) -> list[int]:
        return [node for number, (node, _) in self._given_up.items() if number not in self._answers]

    def ask_first(self, orders: Sequence[tuple[int, Message]]) -> list[Message | None]:
        numbers = [self.order(node, order) for node, order in orders]
        try:
            while not any(number in self._answers for number in numbers):
                self._run_one()
            return [self._answers.get(number) for number in numbers]
        finally:
            for number in numbers:  # nobody waits for the other answers any more
                self._answers.pop(number, None)
                self._owed.pop(number, None)

    def interrupt(self) -> None:
        self._is_interrupted = True

    def forget_interrupt(self) -> None:
        self._is_interrupted = False

    def take_departed(self) -> list[int]:
        departed, self._departed = list(self._departed), {}
        return departed

    def farewell(self, node: int) -> None:
        if node in self.nodes:
            raise BayouError(f"server {node} said that it would leave, and did not")
        self._departed.pop(node, None)

    def close(self) -> None:
        self.nodes.clear()
        self._events.clear()

    # Faults.

    def crash(self, server: int) -> None:
        """Let a server stop at once. What it had made durable is kept, what it had not is lost."""
        if self._unflushed.pop(server, None) and self.watcher is not None:
            self.watcher.lost()
        self._remove(server)
        self._departed.pop(server, None)

    def crash_soon(self, server: int, after_s: float) -> None:
        self._schedule(self.now_s + after_s, server, CRASH, None)

    def take_crashed(self) -> list[int]:
        crashed, self._crashed = list(self._crashed), {}
        return crashed

    def restart(self, server: int, peers: Sequence[int], *, paused: bool) -> None:
        """Start a crashed server with what it had made durable, and connect it to these nodes."""
        settings = self._settings_of(server)
        records = self.journals[server]
        machine = Server.restored(server, self._new_rng(), settings, records, now=self.now_s, paused=paused)
        self.nodes[server] = machine
        self._set_alarm(server, machine.wake_at)
        for peer in peers:
            if peer in self.nodes:
                self.connect(server, peer)

    def suffer(self, sender: int | None, receiver: int | None, faults: Faults | None) -> None:
        """Let messages from one node to another suffer these faults from now on, or none in particular."""
        self.weather.set(sender, receiver, faults)

    def calm(self) -> None:
        """End all faults of links."""
        self.weather.clear()

    def skew(self, server: int, seconds: float) -> None:
        """Let the wall clock of a server go wrong by so much, from its next start on."""
        self._skews_s[server] = seconds

    def pass_quietly(self, seconds: float) -> None:
        """Let time pass, and all that happens in it."""
        until_s = self.now_s + seconds
        self._deadline_s = max(self._deadline_s, until_s)  # whoever asks for time gets it
        while self._next_at_s() <= until_s:
            self._run_one()
        self.now_s = until_s

    # What tests and explorers call.

    def add_server(self, node: int, peers: Sequence[int], *, paused: bool) -> None:
        """Start a server and connect it to these servers, without telling it to join."""
        self.nodes[node] = Server(node, self._new_rng(), self._settings_of(node), paused=paused)
        self.journals[node] = []
        self._unflushed.pop(node, None)
        for peer in peers:
            if peer in self.nodes:  # one may have left on hearing of it from another
                self.connect(node, peer)

    def order(self, node: int, order: Message) -> int:
        """Give a node an order without waiting; return the number under which ``answer`` will find it."""
        self._order_count += 1
        number = self._order_count
        if node not in self.nodes:
            self._answers[number] = Failed("it is gone")
            return number
        self._owed[number] = node
        self._step(node, Ordered(number, order))
        return number

    def answer(self, number: int) -> Message | None:
        """Return and forget the answer to that order, None while there is none."""
        return self._answers.pop(number, None)

    def flights(self) -> list[Arrival]:
        """Return the messages on their way, the one due first at the front."""
        return sorted(event for event in self._events if event.link is not None and _is_alive(event))

    def deliver(self, flight: Arrival) -> None:
        """Let a message arrive now, out of turn if need be."""
        flight.cancelled = True
        if flight.link is not None and flight.link.is_up:
            self._step(flight.node, flight.given)

    def lose(self, flight: Arrival) -> None:
        """Let a message get lost."""
        flight.cancelled = True

    def repeat(self, flight: Arrival) -> None:
        """Let a message arrive once more, later."""
        self._schedule(self.now_s + self._latency_s, flight.node, flight.given, flight.link)

    def pass_time(self, seconds: float) -> None:
        """Let time pass and wake whoever wanted to be woken; messages stay where they are."""
        self.now_s += seconds
        for node, machine in sorted(self.nodes.items()):
            if machine.wake_at is not None and machine.wake_at <= self.now_s:
                self._step(node, Tick())

    def server(self, node: int) -> Server:
        """Return the server with that id (KeyError, TypeError where it is none)."""
        found = self.nodes[node]
        if not isinstance(found, Server):
            raise TypeError(f"{node} is no server")
        return found

    def is_connected(self, a: int, b: int) -> bool:
        """Whether the two are connected directly."""
        return _pair(a, b) in self._links

    # How it works.

    def _settings_of(self, server: int) -> Settings:
        skew_s = self._skews_s.get(server)
        settings = self._server_settings
        if skew_s is None or settings.wall_offset_s is None:
            return settings
        values = {name: getattr(settings, name) for name in settings.field_names}
        return Settings(**{**values, "wall_offset_s": settings.wall_offset_s + skew_s})

    def _default_server_settings(self) -> Settings:
        habits = self.settings.habits
        return Settings(habits=habits, wall_offset_s=None if habits is None else 0.0)

    def _new_rng(self) -> random.Random:
        return random.Random(self._rng.getrandbits(64))

    def _schedule(self, at_s: float, node: int, given: Input, link: Link | None) -> None:
        self._event_count += 1
        heappush(self._events, Arrival(at_s, self._event_count, node, given, link))

    def _run_one(self) -> None:
        """Process the next event; DeadlineExceeded where there is none before the deadline."""
        if self._is_interrupted:
            self._is_interrupted = False
            raise GivenUp("given up")
        if self._next_at_s() > self._deadline_s:
            self.now_s = max(self.now_s, self._deadline_s)
            raise DeadlineExceeded(self.patience_s, self._who_waits())
        event = heappop(self._events)
        self.now_s = max(self.now_s, event.at_s)
        self._step(event.node, event.given)

    def _next_at_s(self) -> float:
        """When the next event is due, infinity for never."""
        while self._events and not _is_alive(self._events[0]):
            heappop(self._events)
        return self._events[0].at_s if self._events else inf

    def _step(self, node: int, given: Input) -> None:
        """Let one node process one input, and carry the effects out in the order that they demand."""
        machine = self.nodes.get(node)
        if machine is None:
            return
        if given is FLUSH:
            for each, effects in self._unflushed.pop(node, ()):
                if node in self.nodes:  # otherwise it has left, or was ended, by what came before
                    self._carry_out(node, each, effects)
            return
        if given is CRASH:
            self._crash_as_planned(node, machine)
            return
        self.steps += 1
        effects = machine.step(self.now_s, given)
        if self._check:
            machine.check()
        waiting = self._unflushed.get(node)
        if waiting is not None:
            waiting.append((given, effects))
        elif self._flush_s and (effects.durable or effects.facts):
            self._unflushed[node] = [(given, effects)]
            self._schedule(self.now_s + self._flush_s, node, FLUSH, None)
        else:
            self._carry_out(node, given, effects)
        if node in self.nodes:
            self._set_alarm(node, machine.wake_at)

    def _crash_as_planned(self, node: int, machine: Server | Client) -> None:
        if isinstance(machine, Server):
            self.crash(node)
            self._crashed[node] = None
            if self.observe is not None:
                self.observe({"event": "crashed", "server": node, "t": round(self.now_s, 6)})

    def _carry_out(self, node: int, given: Input, effects: Effects) -> None:
        machine = self.nodes[node]
        if effects.facts or effects.durable:
            self.journals[node] += [*effects.facts, *effects.durable]
        if self.observe is not None:
            self._tell(self.observe, machine, given, effects)
        for peer, message in effects.sends:
            self._send(node, peer, message)
        for number, message in effects.answers:
            if self._owed.pop(number, None) is not None:
                self._answers[number] = message
        for peer, why in effects.drops:
            self.dropped.append((node, peer, why))
            self._complain(f"server {node} drops its connection to {peer}: {why}")
            self.disconnect(node, peer)
        if effects.notes:
            self._pass_on(machine, effects.notes)
        if effects.leave:
            self._remove(node)

    def _send(self, node: int, peer: int, message: Message) -> None:
        link = self._links.get(_pair(node, peer))
        if link is None:
            return
        arrivals = self.weather.arrivals(node, peer, self.now_s, self._latency_s)
        for at_s in arrivals:
            self._schedule(at_s, peer, Received(node, message), link)
        if self.watcher is not None:
            self.watcher.sent(node, peer, message, len(arrivals))

    def _pass_on(self, machine: Server | Client, notes: list[tuple[object, ...]]) -> None:
        for words in notes:
            if words[0] == AGAIN and self.watcher is not None:
                self.watcher.asked_again(str(words[1]))
            if self.settings.verbose:
                kind = "server" if isinstance(machine, Server) else "client"
                self._complain(f"{kind} {machine.id}: {' '.join(map(str, words))}")

    def _tell(
        self, observe: Callable[[Event], None], machine: Server | Client, given: Input, effects: Effects
    ) -> None:
        of = of_server if isinstance(machine, Server) else of_client
        for event in of(machine.id, given, effects):
            observe({**event, "t": round(self.now_s, 6)})

    def _cut(self, link: Link) -> None:
        if self.watcher is not None:
            for event in self._events:
                if event.link is link and isinstance(event.given, Received):
                    self.watcher.cut(event.given.message)
        link.is_up = False

    def _set_alarm(self, node: int, wake_at_s: float | None) -> None:
        if wake_at_s is not None and self._alarms.get(node) != wake_at_s:
            self._alarms[node] = wake_at_s
            self._schedule(wake_at_s, node, Tick(), None)

    def _remove(self, node: int) -> None:
        del self.nodes[node]
        self._departed[node] = None
        for number in [number for number, owing in self._owed.items() if owing == node]:
            del self._owed[number]
            self._answers[number] = Failed("it is gone")
        self._alarms.pop(node, None)
        cut = [ends for ends in self._links if node in ends]
        for ends in cut:
            self._cut(self._links.pop(ends))
        for ends in cut:
            self._step(ends[0] if ends[1] == node else ends[1], LinkDown(node))

    def _who_waits(self) -> list[str]:
        lines = []
        for node, machine in sorted(self.nodes.items()):
            kind = "server" if isinstance(machine, Server) else "client"
            for _, answer in machine.step(self.now_s, Ordered(0, Probe())).answers:
                if isinstance(answer, Waiting):
                    lines += [f"{kind} {node} {line}" for line in answer.lines]
        return lines

    def _complain(self, line: str) -> None:
        if self.complain is not None:
            self.complain(line)


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _is_alive(event: Arrival) -> bool:
    return not event.cancelled and (event.link is None or event.link.is_up)
