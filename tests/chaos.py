"""Servers and clients on a network that this code holds in its hands: any message may be delivered at any
time, twice, or never, and any connection cut at any moment. After every step the invariants are checked.
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.write import NOTICE, PUT, Write
from bayou.families.store.topology import Topology
from bayou.machine.messages import Failed, Message
from bayou.node.messages import (
    COMMITTED,
    FULL,
    OK,
    Ask,
    Converge,
    Converged,
    Did,
    Do,
    Get,
    Join,
    Joined,
    Pause,
    Retire,
    Retired,
)
from bayou.node.server import Server
from bayou.node.session import Guarantees
from bayou.node.settings import Settings
from tests.rows import change, place, text_value
from tests.simulated import StoreWorld

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
WriteId = tuple[int, Name]

SONGS = ("a", "b", "c")


class Chaos:
    """A small system and everything that can befall it. Every method is one step.

    ``pick`` arguments are any integers; they choose among what there is at the moment.
    """

    def __init__(
        self, *, settings: Settings | None = None, guarantees: Guarantees | None = None, servers_max: int = 5
    ) -> None:
        self.world = StoreWorld(server=settings or Settings(), guarantees=guarantees, check=True)
        self.servers_max = servers_max
        self.next_id = 0
        self.urls = 0
        self.rounds = 0
        self.retiring: dict[int, int] = {}
        self.joining: dict[int, int] = {}
        self.gone: list[int] = []
        self.clients: list[int] = []
        self.puts: dict[int, str] = {}
        self.paused = False
        self.longest: list[WriteId] = []
        self.join()
        self.add_client(0)

    # Who is there.

    @property
    def servers(self) -> list[int]:
        return sorted(node for node, machine in self.world.nodes.items() if isinstance(machine, Server))

    @property
    def members(self) -> list[int]:
        return [server for server in self.servers if self.world.server(server).is_member]

    def links(self) -> list[tuple[int, int]]:
        return [(a, b) for a, b in combinations(self.servers, 2) if self.world.is_connected(a, b)]

    # Steps.

    def join(self) -> None:
        if len(self.servers) >= self.servers_max:
            return
        server, peers = self.next_id, self.members
        self.next_id += 1
        self.world.add_server(server, peers, paused=self.paused)
        self.joining[server] = self.world.order(server, Join(first=server == 0))
        self.settle_accounts()

    def add_client(self, pick: int) -> None:
        if len(self.clients) >= 3:
            return
        self.world.start_client(-1 - len(self.clients), self._pick(self.servers, pick))
        self.clients.append(-1 - len(self.clients))
        self.settle_accounts()

    def move(self, pick: int, where: int) -> None:
        client = self._pick(self.clients, pick)
        machine = self.world.nodes[client]
        former = getattr(machine, "server", None)
        if former is not None:
            self.world.disconnect(client, former)
        self.world.connect(client, self._pick(self.servers, where))
        self.settle_accounts()

    def use(self, pick: int, kind: str, song: int) -> None:
        self.urls += 1
        url = f"u{self.urls}" if kind == "put" else None
        song_name = SONGS[song % len(SONGS)]
        ask: Ask = change(song_name, url)
        if kind == "get":
            ask = Get(*place(song_name), COMMITTED if self.urls % 2 else FULL)
        number = self.world.order(self._pick(self.clients, pick), Do(ask))
        if url is not None:
            self.puts[number] = url
        self.settle_accounts()

    def retire(self, pick: int) -> None:
        candidates = [server for server in self.members if server not in self.retiring]
        if len(candidates) < 2:
            return  # somebody has to stay
        server = self._pick(candidates, pick)
        self.retiring[server] = self.world.order(server, Retire())
        self.settle_accounts()

    def converge(self, pick: int) -> None:
        if self.paused or not self.members:
            return
        self._order_round(self._pick(self.members, pick))
        self.settle_accounts()

    def _order_round(self, head: int) -> list[int]:
        self.rounds += 1
        return [
            self.world.order(server, Converge(self.rounds, above, tuple(below)))
            for server, (above, below) in self._topology().tree(head).items()
        ]

    def pause(self, *, paused: bool) -> None:
        self.paused = paused
        for server in self.servers:
            self.world.order(server, Pause(paused))
        self.settle_accounts()

    def cut(self, pick: int) -> None:
        links = self.links()
        if links:
            self.world.disconnect(*self._pick(links, pick))
        self.settle_accounts()

    def mend(self, pick: int) -> None:
        missing = [pair for pair in combinations(self.servers, 2) if not self.world.is_connected(*pair)]
        if missing:
            self.world.connect(*self._pick(missing, pick))
        self.settle_accounts()

    def deliver(self, pick: int) -> None:
        flights = self.world.flights()
        if flights:
            self.world.deliver(self._pick(flights, pick))
        self.settle_accounts()

    def deliver_in_order(self, count: int) -> None:
        for _ in range(count):
            flights = self.world.flights()
            if not flights:
                break
            self.world.deliver(flights[0])
            self.settle_accounts()

    def lose(self, pick: int) -> None:
        flights = self.world.flights()
        if flights:
            self.world.lose(self._pick(flights, pick))

    def repeat(self, pick: int) -> None:
        flights = self.world.flights()
        if flights and len(flights) < 200:
            self.world.repeat(self._pick(flights, pick))

    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        self.settle_accounts()

    # What must hold after every step.

    def settle_accounts(self) -> None:
        for orders in (self.joining, self.retiring):
            for server, number in list(orders.items()):
                answer = self.world.answer(number)
                if answer is None:
                    continue
                assert isinstance(answer, Joined | Retired | Failed), answer
                del orders[server]
                if isinstance(answer, Retired):
                    self.gone.append(server)
                elif isinstance(answer, Failed) and orders is self.joining:
                    # Nobody was there to ask: the newcomer gives up and may be forgotten.
                    raise AssertionError(f"{server} could not join: {answer.why}")
        assert not self.world.dropped, self.world.dropped
        self.check_commitment()

    def check_commitment(self) -> None:
        """Committed prefixes agree, never change, and at most one server thinks that it is the primary."""
        primaries = []
        for server in self.servers:
            machine = self.world.server(server)
            if machine._replica is None:
                continue
            replica = machine.replica
            committed = [(write.stamp, write.server) for write in replica.log.committed]
            known = min(len(committed), len(self.longest))
            assert committed[:known] == self.longest[:known], "two orders of commitment"
            if len(committed) > len(self.longest):
                self.longest = committed
            if replica.is_primary:
                primaries.append(server)
        assert len(primaries) <= 1, f"{primaries} all think that they are the primary"

    def check_vectors(self) -> None:
        """A vector knows exactly the writes of its log, and covers another exactly where its log does."""
        known: dict[int, set[WriteId]] = {}
        vectors = {}
        for server in self.servers:
            machine = self.world.server(server)
            if machine._replica is not None:
                known[server] = {(write.stamp, write.server) for write in machine.replica.log}
                vectors[server] = machine.replica.vector
        for a, vector in vectors.items():
            for b, other in vectors.items():
                assert vector.covers(other) == (known[a] >= known[b]), f"{a} {vector} against {b} {other}"
                assert (vector == other) == (known[a] == known[b])
                for stamp, name in known[b]:
                    assert (vector.completed(name) >= stamp) == ((stamp, name) in known[a])

    # The end: faults stop, and everything that was accepted is everywhere.

    def calm_down(self) -> None:
        """Mend everything, let everything arrive, and check that all agree on all that was ever accepted."""
        self.pause(paused=False)
        for _ in range(60):
            for a, b in combinations(self.servers, 2):
                if not self.world.is_connected(a, b):
                    self.world.connect(a, b)
            self.deliver_in_order(2000)
            if not self.joining and not self.retiring and not self.world.flights():
                break
            self.converge(0)
            self.wait(1.0)
        assert not self.joining, f"still joining: {self.joining}"
        assert not self.retiring, f"still retiring: {self.retiring}"
        for _ in range(10):
            if self._level():
                break
        else:
            raise AssertionError("the servers did not come level, or there is no primary any more")
        self.check_vectors()
        self.check_nothing_lost()
        self.check_puts()

    def _level(self) -> bool:
        head = next((s for s in self.servers if self.world.server(s).replica.is_primary), self.servers[0])
        numbers = self._order_round(head)
        answers: dict[int, Message | None] = {}
        for _ in range(40):
            self.deliver_in_order(2000)
            answers |= {
                number: self.world.answer(number) for number in numbers if answers.get(number) is None
            }
            if None not in answers.values():
                break
            self.wait(1.0)
        got = [answer for answer in answers.values() if isinstance(answer, Converged)]
        # The first answer is the head's: only a primary there commits all that has been gathered.
        return len(got) == len(numbers) and all(answer.level for answer in got) and got[0].primary

    def check_nothing_lost(self) -> None:
        accepted = self.accepted()
        for server in self.servers:
            replica = self.world.server(server).replica
            logged = [(write.stamp, write.server) for write in replica.log]
            assert len(set(logged)) == len(logged), "a write stands in a log twice"
            assert set(logged) == set(accepted), "a write was lost, or invented"
            assert not replica.log.tentative, "a write is still tentative"

    def check_puts(self) -> None:
        """A put that was answered is logged once, one that was refused not at all, any other at most once."""
        logged = [
            write.value for write in self.world.server(self.servers[0]).replica.log if write.kind == PUT
        ]
        for number, url in self.puts.items():
            answer = self.world.answer(number)
            count = logged.count(text_value(url))
            assert count <= 1, f"{url} was put {count} times"
            if isinstance(answer, Did):
                assert count == (answer.verdict == OK), (
                    f"{url}: {answer.verdict}, yet it is there {count} times"
                )

    def accepted(self) -> dict[WriteId, Write]:
        """Everything that any server ever accepted itself, by what it made durable."""
        found: dict[WriteId, Write] = {}
        for _, journal in sorted(self.world.journals.items()):
            for items in journal:
                if not isinstance(items, Items):
                    continue
                for write in (*items.committed, *items.tentative):
                    if write.kind != NOTICE:
                        found.setdefault((write.stamp, write.server), write)
        return found

    # Helpers.

    def _pick(self, choices: list[T], pick: int) -> T:
        return choices[pick % len(choices)]

    def _topology(self) -> Topology:
        topology = Topology()
        for server in self.servers:
            topology.add_server(server)
        for a, b in combinations(self.servers, 2):
            if not self.world.is_connected(a, b):
                topology.disconnect(a, b)
        return topology


def random_walk(seed: int, steps: int, chaos: Chaos | None = None) -> Chaos:
    """Take ``steps`` random steps, then calm down; return what is left. The seed decides everything."""
    rng = random.Random(seed)
    walked = chaos or Chaos()
    verbs: dict[str, tuple[float, Callable[[int], None]]] = {
        "deliver": (30, walked.deliver),
        "deliver in order": (10, lambda pick: walked.deliver_in_order(1 + pick % 20)),
        "use": (
            12,
            lambda pick: walked.use(pick, rng.choice(("put", "put", "delete", "get")), rng.randrange(3)),
        ),
        "converge": (8, walked.converge),
        "join": (3, lambda _: walked.join()),
        "retire": (2, walked.retire),
        "cut": (3, walked.cut),
        "mend": (4, walked.mend),
        "move": (2, lambda pick: walked.move(pick, rng.randrange(1 << 16))),
        "add client": (1, walked.add_client),
        "pause": (1, lambda _: walked.pause(paused=True)),
        "start": (2, lambda _: walked.pause(paused=False)),
        "wait": (3, lambda _: walked.wait(rng.choice((0.1, 1.0, 20.0)))),
        "lose": (rng.choice((0.0, 1.5, 9.0)), walked.lose),
        "repeat": (rng.choice((0.0, 1.0, 4.0)), walked.repeat),
    }
    # Each walk has tastes of its own: some things often, some never.
    weights = [weight * rng.choice((1, 1, 1, 0, 3)) for weight, _ in verbs.values()]
    for _ in range(steps):
        _, step = rng.choices(list(verbs.values()), weights)[0]
        step(rng.randrange(1 << 16))
    walked.check_vectors()
    walked.calm_down()
    return walked
