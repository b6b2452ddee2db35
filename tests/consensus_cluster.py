"""A slow, obvious twin of a group of servers that agree on a log: one step after another, no time, no faults.

What each server has on disk and what it knows stands in plain dictionaries; a message that has been sent
is an item of a list until it arrives. Shares no code with the package.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

WINDOW = 1_000
MASTER = -1
"""Who gives the decrees that no client gives. Is told like a client, and never forgets."""


@dataclass(frozen=True)
class Command:
    """What a client asked for: its ``number``-th, counted from 1. ``what`` is a message's text, or the words
    of an order that is about locks."""

    client: int
    number: int
    what: tuple[str, ...]


Value = Command | None
"""What stands in a slot: a command, or None for a no-op."""


@dataclass
class Server:
    """``accepted`` is on disk: by slot the ballot and the value. ``known`` is decided, as far as it knows."""

    alive: bool = True
    promised: int = 0
    accepted: dict[int, tuple[int, Value]] = field(default_factory=dict)
    known: dict[int, Value] = field(default_factory=dict)


@dataclass
class Client:
    """``sent``: its commands, in the order in which they were given; ``known``: decided, as it was told."""

    alive: bool = True
    sent: list[Command] = field(default_factory=list)
    known: dict[int, Value] = field(default_factory=dict)

    def view(self) -> list[tuple[int, Command]]:
        """Return the decided slots before the first gap, without no-ops and what stood there already."""
        return view_of(self.known)


def view_of(known: dict[int, Value]) -> list[tuple[int, Command]]:
    """Return what these decided slots show: each command once, in the lowest slot, up to the first gap."""
    shown: list[tuple[int, Command]] = []
    seen = set()
    for slot in range(first_gap(known)):
        command = known[slot]
        if command is not None and (command.client, command.number) not in seen:
            seen.add((command.client, command.number))
            shown.append((slot, command))
    return shown


def first_gap(known: dict[int, Value]) -> int:
    """Return the first slot that is not among these."""
    slot = 0
    while slot in known:
        slot += 1
    return slot


class LeaderDied(Exception):
    """The leader's bomb went off: it does nothing more."""


@dataclass(frozen=True)
class Accept:
    ballot: int
    slot: int
    value: Value


@dataclass(frozen=True)
class Decide:
    slot: int
    value: Value


class Cluster:
    """Servers and clients between two lines of a scenario, and how they come to rest.

    - ``leader``: None where nobody leads; ``last``: who led last; ``ballot``: that of the last one who led;
    - ``used``: the highest slot that the leader has used, or found when it took over, -1 for none;
    - ``skips``, ``bomb``: the leader's own: slots to be left empty, and how many messages it has to live;
    - ``orders``: all commands, in the order in which they were carried out;
    - ``forgetful``: whether servers know after a restart only what they had accepted, and not what was
      decided. The output is the same: a test says so;
    - ``counts``: what has happened how often, for whoever wants to know what a scenario reaches.
    """

    def __init__(self, servers: int, clients: int, *, forgetful: bool = False) -> None:
        self.servers = [Server() for _ in range(servers)]
        self.clients = {number: Client() for number in range(clients)}
        self.clients[MASTER] = Client()
        self.leader: int | None = 0
        self.last = 0
        self.ballot = 1
        self.used = -1
        self.skips: set[int] = set()
        self.bomb: int | None = None
        self.orders: list[Command] = []
        self.forgetful = forgetful
        self.counts: dict[str, int] = {}
        self._wire: list[tuple[Server | Client, Accept | Decide]] = []

    # What the lines of a scenario do.

    def order(self, client: int, what: tuple[str, ...]) -> Command:
        """A client is told to send something; it does as soon as its turn comes."""
        sender = self.clients[client]
        command = Command(client, len(sender.sent) + 1, what)
        sender.sent.append(command)
        self.orders.append(command)
        return command

    def crash(self, server: int) -> None:
        """The process is gone; with a leader go its bomb and what it was to skip."""
        self.servers[server].alive = False
        if server == self.leader:
            self.leader, self.bomb, self.skips, self.used = None, None, set(), -1

    def restart(self, server: int) -> None:
        """The process is back, with what it had made durable."""
        self.servers[server].alive = True
        if self.forgetful:
            self.servers[server].known = {}

    def crash_client(self, client: int) -> None:
        """The client is gone, and with it what it had not got accepted anywhere."""
        self.clients[client].alive = False

    def arm(self, count: int) -> None:
        """The leader lives for so many more messages."""
        require(self.leader is not None, "there is a leader")
        if count == 0:
            self.crash(self.leader_id)
        else:
            self.bomb = count

    # Who and what there is.

    @property
    def leader_id(self) -> int:
        if self.leader is None:
            raise AssertionError("nobody leads")
        return self.leader

    @property
    def has_majority(self) -> bool:
        """Whether more than half of all servers live, the dead ones counted among all."""
        return sum(server.alive for server in self.servers) * 2 > len(self.servers)

    def highest(self) -> int:
        """Return the highest slot that the leader has used, found, or knows decided; -1 for none."""
        return max([self.used, *self.servers[self.leader_id].known])

    def nodes(self) -> list[Server | Client]:
        """Return all servers and clients, the dead ones and the master too."""
        return [*self.servers, *self.clients.values()]

    def told(self) -> dict[int, Value]:
        """Return what any live server, any live client or the master was ever told is decided."""
        together: dict[int, Value] = {}
        for node in self.nodes():
            if node.alive:
                together |= node.known
        return together

    # Coming to rest.

    def come_to_rest(self) -> None:
        """Do one step after another until none applies."""
        while True:
            self._arrive()
            self._spread()
            if not self.has_majority:
                return
            try:
                if self.leader is None:
                    self._take_over()
                    continue
                command = self._next()
                if command is None:
                    return
                self._place(command)
            except LeaderDied:
                self._count("leaders that a bomb killed")

    def _arrive(self) -> None:
        """What was sent arrives, where somebody lives; the rest is lost."""
        for node, message in self._wire:
            if not node.alive:
                self._count("messages to the dead")
            elif isinstance(message, Decide):
                node.known[message.slot] = message.value
            elif isinstance(node, Server) and message.ballot >= node.promised:
                node.promised = message.ballot
                node.accepted[message.slot] = (message.ballot, message.value)
        self._wire.clear()

    def _spread(self) -> None:
        """What any live server knows to be decided all live ones get to know, and all clients."""
        for server in [server for server in self.servers if server.alive]:
            for node in self.nodes():
                if node.alive:
                    node.known |= server.known

    def _take_over(self) -> None:
        """The next in the circle leads: it hears all who live, and decides what they have accepted."""
        count = len(self.servers)
        circle = [(self.last + step) % count for step in range(1, count + 1)]
        self.leader = self.last = next(server for server in circle if self.servers[server].alive)
        self.ballot += 1
        heard = [server for server in self.servers if server.alive]
        for server in heard:
            server.promised = self.ballot
        accepted = [server.accepted for server in heard]
        self.used = max([-1, *(slot for slots in accepted for slot in slots)])
        self._count("take-overs")
        for slot in range(first_gap(self.servers[self.leader].known), self.used + 1):
            if slot in self.servers[self.leader].known:
                continue
            found = [slots[slot] for slots in accepted if slot in slots]
            value = max(found, key=lambda pair: pair[0])[1] if found else None
            self._count("slots found" if found else "gaps filled at a take-over")
            self._count_found(slot, value, [pair[0] for pair in found])
            self._decide(slot, value)

    def _next(self) -> Command | None:
        """Return the earliest command that the leader's log lacks and whose client has nothing under way."""
        log = set(self.servers[self.leader_id].known.values())
        delivered = {name: {shown for _, shown in client.view()} for name, client in self.clients.items()}
        for command in self.orders:
            client = self.clients[command.client]
            earlier = client.sent[: command.number - 1]
            if client.alive and command not in log and delivered[command.client].issuperset(earlier):
                return command
        return None

    def _place(self, command: Command) -> None:
        """The leader gives the command a slot, and fills what it skipped where that is too far below."""
        slot = self.highest() + 1
        while slot in self.skips:
            slot += 1
        known = self.servers[self.leader_id].known
        if slot - first_gap(known) >= WINDOW:
            self._count("windows filled")
            for skipped in sorted(self.skips):
                if skipped < slot and skipped not in known:
                    self._decide(skipped, None)
        self._decide(slot, command)

    def _decide(self, slot: int, value: Value) -> None:
        """All that a slot costs, in order; LeaderDied where the bomb goes off on the way."""
        leader = self.servers[self.leader_id]
        others = [server for server in self.servers if server is not leader]
        leader.accepted[slot] = (self.ballot, value)
        self.used = max(self.used, slot)
        for other in others:
            self._send(other, Accept(self.ballot, slot, value), "Accept")
        self._arrive()
        answers = [
            server
            for server in self.servers
            if server.alive and server.accepted.get(slot) == (self.ballot, value)
        ]
        require(len(answers) * 2 > len(self.servers), "a leader proposes only where a majority lives")
        leader.known[slot] = value
        for client in self.clients.values():
            self._wire.append((client, Decide(slot, value)))
        for other in others:
            self._send(other, Decide(slot, value), "Decide")

    def _send(self, other: Server, message: Accept | Decide, kind: str) -> None:
        self._wire.append((other, message))
        if self.bomb is None:
            return
        self.bomb -= 1
        if self.bomb == 0:
            self._count(f"bombs after {'an' if kind == 'Accept' else 'a'} {kind}")
            self.crash(self.leader_id)
            raise LeaderDied

    # For whoever wants to know what was reached.

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _count_found(self, slot: int, value: Value, ballots: list[int]) -> None:
        if len(set(ballots)) > 1:
            self._count("slots found with several ballots")
        if value is None:
            return
        if value in self.servers[self.leader_id].known.values():
            self._count("slots found late, with what is in the log already")
        if not self.clients[value.client].alive:
            self._count("commands of crashed clients found")

    def waiting(self) -> Iterator[Command]:
        """Return the commands of live clients that have not been delivered to them."""
        for command in self.orders:
            client = self.clients[command.client]
            if client.alive and command not in [shown for _, shown in client.view()]:
                yield command


def require(condition: bool, text: str) -> None:
    """Raise AssertionError where what must hold does not."""
    if not condition:
        raise AssertionError(f"not so: {text}")
