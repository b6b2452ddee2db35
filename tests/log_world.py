"""Servers of a log, their clients and a network, in virtual time, in the hands of a seed.

Whatever a server makes durable survives its crashes, and nothing else does. Effects are carried out in
order, and a crash may come before, between and after each of them. What happens is told as events, for
bayou.check.consensus.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from bayou.core.errors import require
from bayou.families.log.bundles import KINDS
from bayou.families.log.events import events_of, plain_value
from bayou.paxos.effects import Effects
from bayou.paxos.log import inputs
from bayou.paxos.log.messages import Accepted
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.records import Decided, Snapshot
from bayou.storage.memory import Memory
from tests.log_service import Service, twin

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bayou.machine.messages import Message
    from bayou.paxos.log.inputs import Input
    from tests.log_clients import Admin, Client
    from tests.log_knobs import Knobs
    from tests.log_sightings import Sightings

UP, DOWN, LOST = "up", "down", "lost"
STEPS_MAX = 100_000
TOGETHER_EVERY, TOGETHER_AT = 7, 2
"""In one of so many runs, servers take in several messages in one step where they can."""


class Hold(NamedTuple):
    """Messages of this ballot are kept back until then; ``rulers``: how many had led when it began. Below
    zero: only what was accepted is kept back, and it does not matter how many have led since."""

    ballot: tuple[int, int]
    until: float
    rulers: int


class Server:
    """One server: what lives only until it crashes, and what is on its disk."""

    def __init__(self, id: int, members: tuple[int, ...]) -> None:
        self.id = id
        self.members = members
        self.disk = Memory()
        self.state = DOWN
        self.node: LogNode | None = None
        self.service = Service()
        self.lives = 0
        self.ahead_s = self.clock = 0.0
        self.wake: float | None = None
        self.fuse: int | None = None
        self.asked_by: dict[tuple[int, int], None] = {}


class World:
    """All of a run. ``now`` is the time; every server's clock may be ahead of it."""

    def __init__(self, knobs: Knobs, sightings: Sightings) -> None:
        self.knobs = knobs
        self.sightings = sightings
        self.rng = random.Random(f"log {knobs.seed}")
        self.now = 0.0
        self.steps = 0
        self.events: list[dict[str, Any]] = []
        self.servers: dict[int, Server] = {}
        self.clients: dict[int, Client] = {}
        self.admin: Admin | None = None
        self.log: dict[int, Message] = {}
        self.cuts: dict[tuple[int, int], None] = {}
        self.holds: list[Hold] = []
        self.held: list[tuple[Hold, int, int, Message]] = []
        self.rulers: dict[tuple[int, int], None] = {}
        self.is_calm = False
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serial = 0

    # Time.

    def later(self, seconds: float, what: Callable[..., None], *given: Any) -> None:
        """Have something happen after so many seconds."""
        self._serial += 1
        heapq.heappush(self._queue, (self.now + seconds, self._serial, what, given))

    def run_until(self, end: float, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Let things happen until that time, or until it is over; return whether it is."""
        look_at = self.now
        while self._queue and self._queue[0][0] <= end:
            time, _, what, given = heapq.heappop(self._queue)
            self.now = max(self.now, time)
            if self.now >= look_at:
                if is_over():
                    return True
                look_at = self.now + self.knobs.pulse_s / 2
            what(*given)
        self.now = max(self.now, end)
        return is_over()

    def pending(self) -> list[Message]:
        """Return all messages on their way between servers."""
        return [given[2] for _, _, what, given in self._queue if what == self._arrive] + [
            message for _, _, _, message in self.held
        ]

    # Servers.

    def up(self) -> list[int]:
        """Return the servers that live, by id."""
        return [id for id, server in sorted(self.servers.items()) if server.state == UP]

    def down(self) -> list[int]:
        """Return the servers that can be restarted, by id."""
        return [id for id, server in sorted(self.servers.items()) if server.state == DOWN]

    def leaders(self) -> list[int]:
        """Return those that take themselves for the leader, by id."""
        return [id for id in self.up() if self.node(id).is_leader]

    def node(self, id: int) -> LogNode:
        """Return a living server's machine."""
        node = self.servers[id].node
        assert node is not None
        return node

    def add(self, members: tuple[int, ...]) -> int:
        """Have one more server, which is not started yet; return its id."""
        id = len(self.servers)
        self.servers[id] = Server(id, members)
        return id

    def start(self, id: int) -> None:
        """Start a server, for the first time or again, from what is on its disk."""
        server = self.servers[id]
        if server.state != DOWN:
            return
        rng = random.Random(f"log {self.knobs.seed} {id} {server.lives}")
        server.node = LogNode(id, server.members, self.knobs.options, rng, list(server.disk))
        server.service = Service()
        server.asked_by = {}
        server.state = UP
        if server.lives:
            self.events.append({"event": "restarted", "server": id})
        elif not server.members:
            self.events.append({"event": "joined", "server": id})
        server.lives += 1
        replayed = Effects()
        replayed.answers.extend(server.node.replay())
        self._carry_out(server, inputs.Tick(), replayed)
        for slot, value in sorted(server.node.decided.items()):
            self._decide(slot, value)
            server.service.values[slot] = plain_value(value)
        for other in self.up():
            if other != id:
                self.give(id, inputs.LinkUp(other))
                self.give(other, inputs.LinkUp(id))
        self._set_alarm(server)

    def crash(self, id: int, *, for_good: bool = False) -> None:
        """Kill a server; ``for_good``: its disk is gone too."""
        server = self.servers[id]
        if server.state == UP:
            self._judge_service(server)
            self.events.append({"event": "crashed", "server": id})
            server.node, server.wake, server.fuse = None, None, None
            server.state = DOWN
            for other in self.up():
                self.link_down(other, id)
        if for_good:
            server.state, server.disk = LOST, Memory()

    def link_down(self, id: int, peer: int) -> None:
        """A server hears that it has lost another one, some time or never."""
        after_s = self.knobs.link_down_s
        if after_s is not None:
            self.later(after_s * self.rng.random(), self.give, id, inputs.LinkDown(peer))

    def jump(self, id: int, seconds: float) -> None:
        """A server's clock jumps forward."""
        server = self.servers[id]
        server.ahead_s += seconds
        self._set_alarm(server)

    def give(self, id: int, given: Input) -> None:
        """Give an input to a server, if it lives, and carry out what comes of it."""
        server = self.servers[id]
        node = server.node
        if node is None:
            return
        self.steps += 1
        require(self.steps < STEPS_MAX, f"nothing ends: {STEPS_MAX} steps")
        before = (node.is_leader, node.leading.ballot)
        server.clock = max(server.clock, self.now + server.ahead_s)
        effects = node.step(server.clock, given)
        node.check()
        self.sightings.stepped(self, id, given, effects, before)
        if node.is_leader:
            self.rulers[node.leading.ballot] = None
        crashes = False
        if server.fuse is not None:
            server.fuse -= bool(effects.durable or effects.sends)
            if server.fuse < 0:
                effects, crashes = self._cut(effects), True
        self._carry_out(server, given, effects)
        if crashes:
            self.crash(id)
        else:
            self._set_alarm(server)

    def _set_alarm(self, server: Server) -> None:
        node = server.node
        at = None if node is None else node.wake_at
        if at is not None:
            at = max(self.now, at - server.ahead_s)
            if at != server.wake:
                self.later(at - self.now, self._wake, server, at, server.lives)
        server.wake = at

    def _wake(self, server: Server, at: float, life: int) -> None:
        node = server.node
        if node is not None and server.wake == at and server.lives == life:
            server.wake = None
            server.clock = max(server.clock, node.wake_at or 0.0)  # sums of floats may fall short of it
            self.give(server.id, inputs.Tick())

    # Effects.

    def _cut(self, effects: Effects) -> Effects:
        """Return what of these effects came about before a crash in the midst of them. A snapshot and the
        records after it are durable together or not at all."""
        durable, sends, answers = effects.durable, effects.sends, effects.answers
        point = self.rng.randint(0, len(durable) + len(sends) + len(answers))
        cut = Effects()
        whole = next((at for at, record in enumerate(durable) if isinstance(record, Snapshot)), len(durable))
        if whole < point < len(durable):
            point = whole
        cut.durable = durable[:point]
        cut.sends = sends[: max(0, point - len(durable))]
        cut.answers = answers[: max(0, point - len(durable) - len(sends))]
        self.sightings.cut(effects, cut)
        return cut

    def _carry_out(self, server: Server, given: Input, effects: Effects) -> None:
        self.events += events_of(server.id, given, effects)
        server.disk.append(effects.durable)
        for record in effects.durable:
            if isinstance(record, Decided) and record.value is not None:
                self._decide(record.slot, record.value)
        for receiver, message in effects.sends:
            self.send(server.id, receiver, message)
        for answer in effects.answers:
            self._answer(server, given, answer)

    def _answer(self, server: Server, given: Input, answer: inputs.Answer) -> None:
        service = server.service
        if isinstance(answer, inputs.Chosen):
            self._decide(answer.slot, answer.value)
            service.on_chosen(answer)
        elif isinstance(answer, inputs.Applied):
            service.on_applied(answer)
        elif isinstance(answer, inputs.Install):
            self._judge_service(server)
            service.on_install(answer)
        elif isinstance(answer, inputs.TakeSnapshot):
            taken = inputs.SnapshotTaken(answer.slot, service.state(answer.slot))
            self.later(self.knobs.snapshot_s * self.rng.random(), self._take, server, server.lives, taken)
        elif isinstance(answer, (inputs.Done, inputs.Refused)):
            self._reply(server, answer.client, answer)
        elif isinstance(answer, (inputs.NotLeader, inputs.Rejected, inputs.MembersInForce)):
            if isinstance(given, inputs.Submit):
                self._reply(server, given.client, answer)
            elif self.admin is not None:
                self.admin.heard(server.id, answer)

    def _take(self, server: Server, life: int, taken: inputs.SnapshotTaken) -> None:
        if server.lives == life:
            self.give(server.id, taken)

    def _decide(self, slot: int, value: Message) -> None:
        known = self.log.setdefault(slot, value)
        require(known == value, f"slot {slot} has {known} and {value}")

    def _judge_service(self, server: Server) -> None:
        """A service has come to a prefix of what its twin comes to."""
        lines = twin(self.log, self.knobs.options.forget_slots)
        have = server.service.lines
        require(have == lines[: len(have)], f"server {server.id} applied {have}, and its twin {lines}")

    def judge_services(self) -> None:
        """Compare each service with its twin."""
        for id in self.up():
            self._judge_service(self.servers[id])

    # The network.

    def send(self, sender: int, receiver: int, message: Message) -> None:
        """Send a message between servers: it may come late, twice, or never."""
        self.sightings.sent(self, sender, receiver, message)
        if receiver not in self.servers or (sender, receiver) in self.cuts:
            return
        knobs, rng = self.knobs, self.rng
        if self.is_calm:
            self.later(knobs.latency_s * rng.random(), self._arrive, sender, receiver, message)
            return
        if self.holds and self._is_held(sender, receiver, message):
            return
        if rng.random() < knobs.loss:
            return
        self.later(self._delay_s(), self._arrive, sender, receiver, message)
        if rng.random() < knobs.double:
            self.later(knobs.echo_s * rng.random(), self._arrive, sender, receiver, message)

    def _delay_s(self) -> float:
        late_s = self.knobs.late_s * self.rng.random() if self.rng.random() < self.knobs.late else 0.0
        return self.knobs.latency_s * (0.5 + self.rng.random()) + late_s

    def _is_held(self, sender: int, receiver: int, message: Message) -> bool:
        ballot = getattr(message, "ballot", None)
        for hold in self.holds:
            share = self.knobs.held if hold.rulers >= 0 else 1.0
            if hold.rulers < 0 and not isinstance(message, Accepted):
                continue
            if ballot == hold.ballot and self.now < hold.until and self.rng.random() < share:
                self.held.append((hold, sender, receiver, message))
                return True
        return False

    def let_go(self, share: float) -> None:
        """Let some of what was kept back arrive now, in any order."""
        kept: list[tuple[Hold, int, int, Message]] = []
        for entry in self.held:
            hold, sender, receiver, message = entry
            waits = self.knobs.two_leaders and hold.rulers >= 0 and len(self.rulers) < hold.rulers + 2
            waits = waits and not self.is_calm
            if waits or self.rng.random() >= share:
                kept.append(entry)
                continue
            self.sightings.let_go(self, hold, message)
            self.later(self.knobs.latency_s * self.rng.random(), self._arrive, sender, receiver, message)
        self.held = kept

    def _arrive(self, sender: int, receiver: int, message: Message) -> None:
        together = [message, *self._take_next(sender, receiver, message)]
        if len(together) > 1:
            self.count("several messages in one step")
            self.give(receiver, inputs.ReceivedTogether(sender, tuple(together)))
        else:
            self.give(receiver, inputs.Received(sender, message))

    def _take_next(self, sender: int, receiver: int, first: Message) -> list[Message]:
        """Return what of the same kind would come from there next, in some runs: it has been quick."""
        if self.knobs.seed % TOGETHER_EVERY != TOGETHER_AT or not isinstance(first, KINDS):
            return []
        until = self.now + self.knobs.latency_s
        taken = [
            entry
            for entry in sorted(self._queue, key=lambda entry: entry[:2])
            if entry[0] <= until
            and entry[2] == self._arrive
            and entry[3][:2] == (sender, receiver)
            and type(entry[3][2]) is type(first)
            and entry[3][2].ballot == first.ballot
        ]
        for entry in taken:
            self._queue.remove(entry)
        heapq.heapify(self._queue)
        return [entry[3][2] for entry in taken]

    # Clients.

    def submit(self, client: int, server: int, submit: inputs.Submit) -> None:
        """Send a client's command to a server."""
        for delay_s in self._copies():
            self.later(delay_s, self._submit, server, submit)

    def _submit(self, server: int, submit: inputs.Submit) -> None:
        if server in self.servers:
            self.give(server, submit)

    def _reply(self, server: Server, client: int, answer: inputs.Answer) -> None:
        """Send an answer to a client, with what the server's service has heard of the slots that it does not
        know."""
        news: dict[int, Any] = {}
        who = self.clients[client]
        if isinstance(answer, inputs.Done):
            news = {slot: value for slot, value in server.service.values.items() if slot not in who.told}
        for delay_s in self._copies():
            self.later(delay_s, who.heard, server.id, answer, news)

    def _copies(self) -> list[float]:
        knobs, rng = self.knobs, self.rng
        if self.is_calm:
            return [knobs.latency_s]
        if rng.random() < knobs.loss:
            return []
        return [self._delay_s(), *([knobs.echo_s * rng.random()] if rng.random() < knobs.double else [])]

    def count(self, what: str) -> None:
        """Note that something was seen."""
        self.sightings.counts[what] += 1


def merge(counts: list[Counter[str]]) -> Counter[str]:
    """Return the sums."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
