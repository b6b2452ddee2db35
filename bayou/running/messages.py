"""A run of a chat: messages are made up, leaders killed, and all that servers and clients have compared."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.errors import BayouError
from bayou.families.chat.commands import ChatSystem
from bayou.families.log.messages import (
    AtRest,
    Lead,
    Leaders,
    Page,
    Read,
    Said,
    Say,
    Skipped,
    SkipSlots,
    Stand,
    Standing,
    TellLeaders,
)
from bayou.machine.messages import Probe, Waiting
from bayou.paxos.ballot import Ballot
from bayou.running.comparing import Comparison, compare
from bayou.running.leaders import await_leader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.machine.messages import Message


class Plan(Record):
    """What is to happen: ``messages`` are sent by ``clients`` in turn, and ``kills`` leaders are killed on
    the way, so that no more than ``faulty`` servers are dead at a time; ``loss``: the probability with which
    a message gets lost; ``skips``: the slots that server 0 leaves empty when it leads first; ``deadline_s``:
    for how long nothing may move."""

    faulty: int
    servers: int
    clients: int
    messages: int
    loss: float = 0.0
    skips: tuple[int, ...] = ()
    kills: int = 0
    deadline_s: float = 30.0


class Stuck(BayouError):
    """Nothing has moved for too long."""


class ChatRun:
    """Drives a chat. ``progress`` is told, now and then, how many messages are delivered and how many leaders
    killed."""

    def __init__(
        self, system: ChatSystem, plan: Plan, progress: Callable[[int, int], None] = lambda done, killed: None
    ) -> None:
        self._system = system
        self._world = system.world
        self._plan = plan
        self._progress = progress
        self._standings: dict[int, Standing] = {}
        self._asked: dict[int, int] = {}
        self._said: dict[int, int] = {}
        self._moved_at_s = 0.0
        self._killed = 0
        self._dead: list[int] = []
        self._first_led = self._last_killed = Ballot.NONE
        self._led: dict[tuple[int, int], None] = {}

    def run(self) -> Comparison:
        """Return what all have in the end; Stuck where it does not come to that."""
        self._begin()
        while self._delivered() < self._plan.messages or self._killed < self._plan.kills:
            if self._is_time_to_kill():
                self._kill_leader()
            elif self._is_stuck_at_skips():
                self._get_over_skips()
            else:
                self._turn()
            self._progress(self._delivered(), self._killed)
        return self._end()

    def _begin(self) -> None:
        system, plan = self._system, self._plan
        self._world.begin()
        system.start(plan.servers, plan.clients)
        self._first_led = await_leader(system)
        if plan.skips:
            system.ask(0, SkipSlots(plan.skips), Skipped)
        if plan.loss:
            system.set_weather(loss=plan.loss)
        self._moved_at_s = self._world.now_s
        for client in range(plan.clients):
            self._said[client] = 0
            self._watch(client)

    # Messages. Client c sends messages c, c + clients, and so on, one after another.

    def _share(self, client: int) -> int:
        """Return how many messages a client has to send."""
        plan = self._plan
        return len(range(client, plan.messages, plan.clients))

    def text_of(self, client: int, number: int) -> str:
        """Return the message that a client sends as its ``number``-th, from 1 on."""
        return f"message {client + (number - 1) * self._plan.clients} of client {client}"

    def _delivered(self) -> int:
        return sum(standing.delivered for standing in self._standings.values())

    def _order(self, client: int, order: Message) -> None:
        self._asked[self._world.order(self._system.address_of(client), order)] = client

    def _watch(self, client: int) -> None:
        """Ask a client to say when its message is delivered, or held back; if it is, when it learns
        anything."""
        known = self._standings.get(client)
        is_coarse = known is not None and not known.is_held_back
        self._order(client, Stand(known, is_coarse))

    def _turn(self) -> None:
        """Wait for something to happen, and take it in."""
        world = self._world
        if not world.await_answer(self._asked, self._moved_at_s + self._plan.deadline_s):
            raise Stuck(f"nothing has moved for {self._plan.deadline_s:g} s: {'; '.join(self._who_waits())}")
        for number in list(self._asked):
            answer = world.answer(number)
            if answer is None:
                continue
            client = self._asked.pop(number)
            if isinstance(answer, Standing):
                self._take(client, answer)
            elif not isinstance(answer, Said):
                raise BayouError(f"client {client} answered {answer!r}")

    def _take(self, client: int, standing: Standing) -> None:
        """A client has said how it stands: let it send its next message, if it is ready for one."""
        self._moved_at_s = self._world.now_s
        self._standings[client] = standing
        said = self._said[client]
        if standing.delivered == said < self._share(client):
            self._said[client] = said + 1
            self._order(client, Say(self.text_of(client, said + 1)))
        self._watch(client)

    def _who_waits(self) -> list[str]:
        system = self._system
        self._world.begin()
        nodes = [(f"client {client}", system.address_of(client)) for client in system.live_clients]
        nodes += [(f"server {server}", server) for server in system.live]
        answers = self._world.ask_all([(node, Probe()) for _, node in nodes])
        return [
            f"{label} {line}"
            for (label, _), answer in zip(nodes, answers, strict=True)
            if isinstance(answer, Waiting)
            for line in answer.lines
        ]

    # Slots that are left empty.

    def _gap(self) -> int | None:
        """Return the skipped slot at which all that is under way waits, None where there is none."""
        under_way = [
            standing
            for client, standing in self._standings.items()
            if self._said[client] > standing.delivered
        ]
        if not under_way or len(self._standings) < self._plan.clients:
            return None
        first = under_way[0].first
        waits = all(standing.is_held_back and standing.first == first for standing in under_way)
        return first if waits and first in self._plan.skips else None

    def _is_stuck_at_skips(self) -> bool:
        """Whether nothing moves until somebody else leads: server 0 leads as it has from the beginning, and
        leaves the slot empty at which all wait."""
        return not self._killed and self._gap() is not None and await_leader(self._system) == self._first_led

    def _get_over_skips(self) -> None:
        """Kill the leader, if one is to be killed; otherwise let the next server take over."""
        gap = self._gap()
        self._system.stage.tell(f"all wait for slot {gap}, which server 0 leaves empty")
        if self._killed < self._plan.kills:
            self._kill_leader()
            return
        server = 1 % self._plan.servers
        self._world.begin()
        self._system.ask(server, Lead(()), AtRest)
        self._system.stage.tell(f"server {server} has taken over")

    # Leaders.

    def _is_time_to_kill(self) -> bool:
        """Whether so many messages are delivered that the next leader is to be killed."""
        plan, next_kill = self._plan, self._killed + 1
        return next_kill <= plan.kills and self._delivered() * (plan.kills + 1) >= plan.messages * next_kill

    def _kill_leader(self) -> None:
        """Kill the leader. So that a majority lives, who has been dead longest comes back before."""
        system, faulty = self._system, self._plan.faulty
        ballot = await_leader(system, self._last_killed)
        if faulty and len(self._dead) >= faulty:
            self._restart()
        self._hear_who_led()
        self._world.begin()
        system.crash(ballot.node)
        self._dead.append(ballot.node)
        self._last_killed = ballot
        self._killed += 1
        system.stage.tell(f"server {ballot.node}, which led, has died")
        while len(self._dead) > faulty:  # without it nobody could go on
            self._restart()
        self._moved_at_s = self._world.now_s

    def _restart(self) -> None:
        server = self._dead.pop(0)
        self._world.begin()
        self._system.restart(server)
        self._system.stage.tell(f"server {server} is back")

    def _hear_who_led(self) -> None:
        """Take down in which ballots servers have led: who is killed can't tell any more."""
        for answer in self._world.ask_all([(server, TellLeaders()) for server in self._system.live]):
            if isinstance(answer, Leaders):
                pairs = zip(answer.ballots[::2], answer.ballots[1::2], strict=True)
                self._led.update(dict.fromkeys(pairs))

    @property
    def view_changes(self) -> int:
        """How many leaders have come after the first one."""
        return max(0, len(self._led) - 1)

    # The end.

    def _end(self) -> Comparison:
        """Bring all back, let faults end and everything come to rest, and compare."""
        system, world = self._system, self._world
        while self._dead:
            self._restart()
        world.begin()
        if self._plan.loss:
            system.set_weather(loss=0.0)
        system.pace.all_clear()
        self._hear_who_led()
        logs = {server: self._read_all(server) for server in system.live}
        clients = range(self._plan.clients)
        views = {client: self._read_all(system.address_of(client)) for client in clients}
        sent = {
            client: [self.text_of(client, number + 1) for number in range(self._share(client))]
            for client in clients
        }
        return compare(logs, views, sent)

    def _read_all(self, node: int) -> list[str]:
        self._world.begin()
        lines: list[str] = []
        while True:
            page = self._system.ask(node, Read(len(lines)), Page)
            lines += page.lines
            if len(lines) >= page.total or not page.lines:
                return lines
