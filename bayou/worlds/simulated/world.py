"""The simulated world: every node in this process, virtual time, a network that is a list.

No thread, socket or file; a run is a function of what it is told and of its seed. The network, the nodes and
whoever makes up a workload draw from separate random streams, so that one more message does not change
what nodes decide.
"""

from __future__ import annotations

import random
import sys
from math import inf

from bayou._lean import import_module
from bayou.core.errors import BayouError, FunctionFault
from bayou.host.driver import Driver
from bayou.machine.effects import AGAIN, LinkDown, LinkUp, Ordered, Received, Tick
from bayou.machine.machine import Surroundings
from bayou.machine.messages import Done, Failed, Links, Message, Probe, Waiting
from bayou.storage.memory import Memory
from bayou.worlds.simulated.network import LATENCY_S, Network
from bayou.worlds.simulated.scheduler import Scheduler
from bayou.worlds.weather import BEHIND_S, Weather
from bayou.worlds.world import DeadlineExceeded, GivenUp, Gone, NodeLost, Unsupported, WorldSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Machine, Machines
    from bayou.machine.records import Durable
    from bayou.trace.file import Event
    from bayou.worlds.simulated.network import Watcher
    from bayou.worlds.simulated.scheduler import Arrival
    from bayou.worlds.weather import Faults
    from bayou.worlds.world import NodeSpec

FLUSH = Tick()
"""What a node has written is durable now: an event of the world, which no node sees."""

CRASH = Tick()
"""A node stops: an event of the world too."""


class _Seat:
    """The place of one machine in the simulated world: what its driver does there."""

    __slots__ = ("_node", "_world")

    def __init__(self, world: SimulatedWorld, node: int) -> None:
        self._world = world
        self._node = node

    def make_durable(self, records: list[Durable]) -> None:
        self._world.journals[self._node].append(records)

    def witness(self, given: Input, effects: Effects) -> None:
        self._world.witness(self._node, given, effects)

    def send(self, peer: int, message: Message) -> None:
        self._world.network.send(self._node, peer, message)

    def answer(self, number: int, message: Message) -> None:
        self._world.take_answer(number, message)

    def drop(self, peer: int, why: str) -> None:
        self._world.drop(self._node, peer, why)

    def leave(self) -> None:
        self._world.remove(self._node)

    def crash(self) -> None:
        self._world.fail(self._node)


MOMENT_S = 1e-6
"""How long, in virtual seconds, a node waits at least that is woken and wants to be woken again at once."""


class SimulatedWorld:
    """A World without I/O. See bayou.worlds.world.World for what the master calls.

    Tests and explorers can take the network into their own hands: ``flights`` lists the messages on
    their way, and ``deliver``, ``lose`` and ``repeat`` decide what becomes of each.

    - ``nodes``: the machines by address; ``specs``: what each was started as; ``network``: their connections;
    - ``journals``: what each server made durable, from which it is restarted after a crash;
    - ``observe``: is told all events, if set; ``overhear``: all orders and the answers to them, by node;
      ``complain``: takes lines about nodes, which go to standard error otherwise; ``patience_s``: how long a
      command may take;
    - ``dropped``: (node, peer, reason) of each connection that a node dropped for bad behaviour;
    - ``steps``: inputs processed.
    """

    def __init__(
        self,
        settings: WorldSettings | None = None,
        *,
        seed: int = 0,
        check: bool = False,
        latency_s: float = LATENCY_S,
        flush_s: float = 0.0,
        behind_s: float = BEHIND_S,
    ) -> None:
        """``check`` walks all invariants of a node after each of its steps; a message takes ``latency_s``
        virtual seconds, and making something durable ``flush_s``: what a node does after that waits for it,
        and a crash loses it. ``behind_s``: how late doubled and overtaken messages are at most."""
        self.settings = settings or WorldSettings()
        self.nodes: dict[int, Machine] = {}
        self.specs: dict[int, NodeSpec] = {}
        self._drivers: dict[int, Driver] = {}
        self.journals: dict[int, Memory] = {}
        self.dropped: list[tuple[int, int, str]] = []
        self.steps = 0
        weather = Weather(random.Random(f"network {seed}"), behind_s=behind_s)
        self._scheduler = Scheduler()
        self.network = Network(self._scheduler, weather, latency_s)
        self.observe: Callable[[Event], None] | None = None
        self.overhear: Callable[[int, Message], None] | None = None
        self.complain: Callable[[str], None] | None = lambda line: print(line, file=sys.stderr)
        self.patience_s = self.settings.deadline_s
        self._rng = random.Random(f"nodes {seed}")
        self._check = check
        self._flush_s = flush_s
        self._skews_s: dict[int, float] = {}
        self._flushing: dict[int, None] = {}
        self._order_count = 0
        self._answers: dict[int, Message] = {}
        self._owed: dict[int, int] = {}
        self._given_up: dict[int, tuple[int, Message]] = {}
        self._alarms: dict[int, float] = {}
        self._departed: dict[int, None] = {}
        self._crashed: dict[int, None] = {}
        self._is_interrupted = False
        self._deadline_s = self.patience_s

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start."""
        return self._scheduler.now_s

    @property
    def weather(self) -> Weather:
        """The faults of the connections."""
        return self.network.weather

    @property
    def watcher(self) -> Watcher | None:
        """Who sees all messages, if anybody does."""
        return self.network.watcher

    @watcher.setter
    def watcher(self, watcher: Watcher | None) -> None:
        self.network.watcher = watcher

    # What the master calls.

    def begin(self) -> None:
        self._deadline_s = self.now_s + self.patience_s

    def start(self, spec: NodeSpec, peers: Sequence[int], order: Message | None = None) -> Message:
        self.add(spec, peers)
        if order is None:
            return Done()
        try:
            answer = self.ask(spec.address, order)
        except BayouError:
            self._discard(spec.address)
            raise
        if isinstance(answer, Failed):
            self._discard(spec.address)
        return answer

    def expect(self, machines: str) -> None:
        pass

    def start_all(self, nodes: Sequence[tuple[NodeSpec, Sequence[int]]]) -> list[Message]:
        return [self.start(spec, peers) for spec, peers in nodes]

    def _discard(self, node: int) -> None:
        """End a node that could not be started after all."""
        if node in self.nodes:
            self.remove(node)
            self._departed.pop(node)

    def connect(self, a: int, b: int) -> None:
        self._look_for(a, b)
        self.disconnect(a, b)
        self._look_for(a, b)  # one may have left on hearing of that
        link = self.network.connect(a, b)
        machines = {node: self.nodes[node] for node in (a, b)}
        for node, peer in ((a, b), (b, a)):
            if link.is_up:  # the other one may have left on hearing of it
                self._step(node, LinkUp(peer, machines[peer].hello))

    def _look_for(self, a: int, b: int) -> None:
        if a not in self.nodes or b not in self.nodes:
            raise Gone(f"{a} and {b} can't be connected: one of them is gone")

    def disconnect(self, a: int, b: int) -> None:
        if self.network.disconnect(a, b):
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
        return {
            node: machine.survey(tuple(self.network.peers(node)), ())
            for node, machine in sorted(self.nodes.items())
        }

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
        self.specs.clear()
        self._drivers.clear()
        self._scheduler.clear()

    # Faults.

    def crash(self, server: int) -> None:
        """Let a server stop at once. What it had made durable is kept, what it had not is lost."""
        if server in self._flushing and self.watcher is not None:
            self.watcher.lost()
        self.remove(server)
        self._departed.pop(server, None)

    def crash_soon(self, server: int, after_s: float) -> None:
        self._scheduler.schedule(self.now_s + after_s, server, CRASH)

    def take_crashed(self) -> list[int]:
        crashed, self._crashed = list(self._crashed), {}
        return crashed

    def restart(self, spec: NodeSpec, peers: Sequence[int]) -> None:
        """Start a crashed server with what it had made durable, and connect it to these nodes."""
        server = spec.address
        machines = _module(spec)
        machine = machines.restore(server, spec.what, self._surroundings(server), self.journals[server])
        self._seat(spec, machine)
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
        while self._scheduler.next_at_s() <= until_s:
            self._run_one()
        self._scheduler.now_s = until_s

    # What tests and explorers call.

    def add(self, spec: NodeSpec, peers: Sequence[int]) -> None:
        """Start a node and connect it to these servers, without giving it an order."""
        node = spec.address
        if spec.journal:
            raise Unsupported("the simulated world keeps nothing in files")
        self._seat(spec, _module(spec).make(node, spec.what, self._surroundings(node)))
        if spec.is_server:
            self.journals[node] = Memory()
        for peer in peers:
            if peer in self.nodes or not spec.is_server:  # one may have left on hearing of it from another
                self.connect(node, peer)

    def order(self, node: int, order: Message) -> int:
        """Give a node an order without waiting; return the number under which ``answer`` will find it."""
        if self.overhear is not None:
            self.overhear(node, order)
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

    def await_answer(self, numbers: Mapping[int, object], until_s: float) -> bool:
        self._deadline_s = max(self._deadline_s, until_s)  # whoever asks for time gets it
        while self._answers.keys().isdisjoint(numbers):
            if self._scheduler.next_at_s() > until_s:
                self._scheduler.now_s = max(self.now_s, until_s)
                return False
            self._run_one()
        return True

    def flights(self) -> list[Arrival]:
        """Return the messages on their way, the one due first at the front."""
        return self._scheduler.flights()

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
        at_s = self.now_s + self.network.latency_s
        self._scheduler.schedule(at_s, flight.node, flight.given, flight.link)

    def pass_time(self, seconds: float) -> None:
        """Let time pass and wake whoever wanted to be woken; messages stay where they are."""
        self._scheduler.now_s += seconds
        for node, machine in sorted(self.nodes.items()):
            if machine.wake_at is not None and machine.wake_at <= self.now_s:
                self._step(node, Tick())

    def is_connected(self, a: int, b: int) -> bool:
        """Whether the two are connected directly."""
        return self.network.is_connected(a, b)

    # How it works.

    def _surroundings(self, node: int) -> Surroundings:
        rng = random.Random(self._rng.getrandbits(64))
        return Surroundings(rng, self.now_s, self._skews_s.get(node, 0.0))

    def _run_one(self) -> None:
        """Process the next event; DeadlineExceeded where there is none before the deadline."""
        if self._is_interrupted:
            self._is_interrupted = False
            raise GivenUp("given up")
        if self._scheduler.next_at_s() > self._deadline_s:
            self._scheduler.now_s = max(self.now_s, self._deadline_s)
            raise DeadlineExceeded(self.patience_s, self._who_waits())
        due = self._scheduler.take()
        self._step(due.node, due.given)

    def _seat(self, spec: NodeSpec, machine: Machine) -> None:
        self.specs[spec.address] = spec
        self.nodes[spec.address] = machine
        self._drivers[spec.address] = Driver(machine, _Seat(self, spec.address))

    def _step(self, node: int, given: Input) -> None:
        """Let one node process one input, and carry out the effects once what is to be durable is that."""
        machine, driver = self.nodes.get(node), self._drivers.get(node)
        if machine is None or driver is None:
            return
        if given is FLUSH:
            if node in self._flushing:
                del self._flushing[node]
                driver.settle()
            return
        if given is CRASH:
            self._crash_as_planned(node)
            return
        self.steps += 1
        not_before = 0.0
        if isinstance(given, Tick) and self._alarms.get(node, inf) <= self.now_s:
            del self._alarms[node]
            not_before = self.now_s + MOMENT_S  # for it may want another one at once, and time has to go on
        try:
            driver.step(self.now_s, given)
        except FunctionFault as error:
            self._lose(node, error)
        if self._check:
            machine.check()
        if self._flush_s and node not in self._flushing and driver.is_waiting:
            self._flushing[node] = None
            self._scheduler.schedule(self.now_s + self._flush_s, node, FLUSH)
        if node not in self._flushing:
            driver.settle()
        if node in self.nodes:
            self._set_alarm(node, machine.wake_at, not_before)

    def _lose(self, node: int, error: FunctionFault) -> NoReturn:
        """A node ends by itself, as its process would: nothing of this step is durable."""
        label = self.specs[node].label
        self._complain(f"{label}: {error}")
        self._discard(node)
        raise NodeLost(node, f"{label} has ended by itself, as it could not carry out a function")

    def fail(self, node: int) -> None:
        """A node takes no more inputs, and crashes once all that it has sent has arrived."""
        sent = [flight.at_s for flight in self.flights() if flight.link is not None and _from(node, flight)]
        self._scheduler.schedule(max(sent, default=self.now_s), node, CRASH)

    def _crash_as_planned(self, node: int) -> None:
        if self.specs[node].is_server:
            self.crash(node)
            self._crashed[node] = None
            if self.observe is not None:
                self.observe({"event": "crashed", "server": node, "t": round(self.now_s, 6)})

    def _set_alarm(self, node: int, wake_at_s: float | None, not_before_s: float = 0.0) -> None:
        if wake_at_s is not None and self._alarms.get(node) != wake_at_s:
            self._alarms[node] = wake_at_s
            self._scheduler.schedule(max(wake_at_s, not_before_s), node, Tick())

    # What drivers call.

    def witness(self, node: int, given: Input, effects: Effects) -> None:
        """An input of a node has brought this about."""
        spec = self.specs[node]
        if self.observe is not None:
            for event in _module(spec).events_of(spec.what, node, given, effects):
                self.observe({**event, "t": round(self.now_s, 6)})
        for words in effects.notes:
            if words[0] == AGAIN and self.watcher is not None:
                self.watcher.asked_again(str(words[1]))
            if self.settings.verbose:
                self._complain(f"{spec.label}: {' '.join(map(str, words))}")

    def take_answer(self, number: int, message: Message) -> None:
        """A node answers an order."""
        node = self._owed.pop(number, None)
        if node is not None:
            self._answers[number] = message
            if self.overhear is not None:
                self.overhear(node, message)

    def drop(self, node: int, peer: int, why: str) -> None:
        """A node drops its connection to a peer."""
        if node not in self.specs:  # it has left, on hearing of what was dropped before
            return
        self.dropped.append((node, peer, why))
        self._complain(f"{self.specs[node].label} drops its connection to {peer}: {why}")
        self.disconnect(node, peer)

    def remove(self, node: int) -> None:
        """A node is gone, and its connections with it."""
        del self.nodes[node]
        del self.specs[node]
        del self._drivers[node]
        self._flushing.pop(node, None)
        self._departed[node] = None
        for number in [number for number, owing in self._owed.items() if owing == node]:
            del self._owed[number]
            self._answers[number] = Failed("it is gone")
        self._alarms.pop(node, None)
        for peer in self.network.isolate(node):
            self._step(peer, LinkDown(node))

    # Errors.

    def _who_waits(self) -> list[str]:
        lines = []
        for node, machine in sorted(self.nodes.items()):
            for _, answer in machine.step(self.now_s, Ordered(0, Probe())).answers:
                if isinstance(answer, Waiting):
                    lines += [f"{self.specs[node].label} {line}" for line in answer.lines]
        return lines

    def _complain(self, line: str) -> None:
        if self.complain is not None:
            self.complain(line)


def _from(node: int, flight: Arrival) -> bool:
    return isinstance(flight.given, Received) and flight.given.peer == node


def _module(spec: NodeSpec) -> Machines:
    """Return the module that makes a node's machine."""
    made: Machines = sys.modules.get(spec.machines) or import_module(spec.machines)
    return made
