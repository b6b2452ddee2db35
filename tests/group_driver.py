"""Random histories of the model of the commit group (tests/group_model.py), each a function of its seed.

First comes a system of some servers with a group, level. Then what happens is drawn, each run with weights
of its own: writes, exchanges that break off, double or come late, crashes in the middle of a step, losses
for good, islands, new servers, retirements, changes of the group. In the end all is mended, and everything
has to be committed everywhere."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import NamedTuple

from tests.group_changes import Changes
from tests.group_model import Server
from tests.group_rules import Broken, Rules, covers
from tests.group_world import ALL, World

STEPS = 90
SERVERS_MAX = 7
IN_FLIGHT_MAX = 8
ROUNDS_MAX = 80

HAPPENINGS = {
    "exchange": 36.0,
    "late": 8.0,
    "put": 10.0,
    "lead": 5.0,
    "propose": 8.0,
    "crash": 3.0,
    "restart": 4.0,
    "islands": 1.0,
    "heal": 2.0,
    "lose": 0.6,
    "create": 0.7,
    "change": 2.0,
    "retire": 1.5,
    "go": 4.0,
    "truncate": 1.0,
}
NEEDED = ("exchange", "put", "propose")
DUELS = {
    "exchange": 12.0,
    "late": 6.0,
    "put": 12.0,
    "lead": 6.0,
    "propose": 14.0,
    "crash": 3.0,
    "restart": 4.0,
    "islands": 4.0,
    "heal": 1.0,
}
"""Runs in which nothing but the leader changes."""


class Outcome(NamedTuple):
    """What came of one seed: what broke, nothing where all is well; steps of servers; writes committed;
    epochs; how often what is worth seeing was seen; with ``told`` a line for each thing that happened."""

    seed: int
    problem: str
    steps: int
    committed: int
    epochs: int
    seen: dict[str, int]
    told: tuple[str, ...] = ()


class Run(Changes):
    """One history."""

    world_type = World

    def __init__(self, seed: int, rules: Rules) -> None:
        rng = random.Random(seed)
        super().__init__(self.world_type(rules, rng, proposes=rng.random() < 0.4))
        self.size = rng.choice((2, 3, 3, 3, 4, 4, 5, 5, 6))
        is_duel = rng.random() < 0.4
        self.members = min(self.size, rng.choice((1, 2, 3, 3, 3, 3, 4, 4, 5, 5)))
        self.whole = rng.choice((0.05, 0.3, 0.6, 0.9))
        self.eager = rng.choice((0.0, 0.3, 0.6, 0.9))
        self.kept = rng.choice((0.1, 0.5, 0.9))
        self.doubled = rng.choice((0.0, 0.1, 0.5))
        self.cut = rng.choice((0.0, 0.02, 0.06, 0.12))
        self.weights = {
            what: weight * (1.0 if what in NEEDED else rng.choice((0.0, 0.5, 1.0, 1.0, 3.0)))
            for what, weight in HAPPENINGS.items()
        }
        if is_duel:
            self.size = self.members = rng.choice((3, 3, 4, 5))
            self.weights = DUELS

    def play(self) -> None:
        self._begin()
        whats = list(self.weights)
        drawn = self.rng.choices(whats, cum_weights=list(accumulate(self.weights.values())), k=STEPS)
        for what in drawn:
            getattr(self, "_" + what)()
        self._finish()

    def _begin(self) -> None:
        world, rng = self.world, self.rng
        root = world.servers[0]
        for _ in range(self.size - 1):
            made = world.create(rng.choice(world.servers))
            if made is not None:
                creator = world.named[made.name[1:]]
                world.exchange(made, creator)
                world.exchange(root, creator)
        for server in world.servers[1:]:
            world.exchange(server, root)
        if self.members > 1:
            self._accept_change(root, tuple(each.name for each in world.servers[: self.members]), ask=1.0)
            for server in world.servers[1:]:
                world.exchange(server, root)
        for at, server in enumerate(world.servers):
            self._tell(f"server {at} is {server.name}")
        self._tell(f"the group is {world.group}")

    # What happens.

    def _put(self) -> None:
        servers = self._active()
        if servers:
            server = self.rng.choice(servers)
            write = self.world.put(server)
            self._tell(f"{self._number(server)} accepts {write.stamp, write.server}")
            self._settle(server)

    def _exchange(self) -> None:
        up = self._up()
        if len(up) > 1:
            self._exchange_of(*self.rng.sample(up, 2))

    def _exchange_of(self, receiver: Server, sender: Server) -> None:
        rng, world = self.rng, self.world
        if not (receiver.is_up and sender.is_up):
            return
        if receiver.island != sender.island or not sender.is_joined:
            return
        pull = world.pull(receiver, sender)
        if rng.random() < self.doubled:
            world.pulls.append(pull)
            if rng.random() < 0.3:
                return
        stream = world.answer(pull)
        if stream is not None:
            world.streams.append(stream)
            self._deliver(len(world.streams) - 1)

    def _deliver(self, at: int) -> None:
        """Deliver some items of a stream, and give it up, or leave the rest for later."""
        rng, world = self.rng, self.world
        stream = world.streams[at]
        most = ALL if rng.random() < self.whole else rng.randint(0, min(3, len(stream.items)))
        if world.told is not None:
            items = stream.items[stream.at : stream.at + most]
            both = f"{self._number(stream.sender)} -> {self._number(stream.receiver)}"
            self._tell(f"{both} (exchange {stream.serial}, {stream.at}/{len(stream.items)}): {items}")
        more = world.deliver(stream, most, self.cut)
        if world.told is not None and stream.receiver.is_up:
            one = stream.receiver
            self._tell(f"    CSN {len(one.log)}, boundary {one.boundary}, votes {one.votes}")
        if stream in world.streams and not (more and rng.random() < self.kept):
            world.streams.remove(stream)

    def _late(self) -> None:
        rng, world = self.rng, self.world
        if world.streams and (not world.pulls or rng.random() < 0.7):
            del world.streams[:-IN_FLIGHT_MAX]
            self._deliver(rng.randrange(len(world.streams)))
        elif world.pulls:
            del world.pulls[:-IN_FLIGHT_MAX]
            stream = world.answer(world.pulls.pop(rng.randrange(len(world.pulls))))
            if stream is not None:
                world.streams.append(stream)
                self._deliver(len(world.streams) - 1)

    def _lead(self) -> None:
        able = [each for each in self.world.servers if each.is_up and each.name in each.votes]
        if able:
            server = self.rng.choice(able)
            if server.lead():
                self._tell(f"{self._number(server)} leads {server.votes[server.name].ballot}")
                if self._settle(server):
                    self._gather(server)

    def _propose(self) -> None:
        """Those who lead go on, one after the other: gather, propose, gather."""
        for server in self.world.servers:
            own = server.votes.get(server.name)
            if server.is_up and own is not None and own.ballot[0] and own.ballot[1] == server.name:
                self._gather(server)
                if server.is_up and server.propose():
                    self._tell(f"{self._number(server)} proposes {server.votes[server.name]}")
                    if self._settle(server):
                        self._gather(server)

    def _gather(self, leader: Server) -> None:
        """Let some members hear of their leader, and the leader of some of them."""
        members = [self.world.named[each] for each in leader.group if each != leader.name]
        for member in members:
            if self.rng.random() < self.eager:
                self._exchange_of(member, leader)
        for member in members:
            if self.rng.random() < self.eager:
                self._exchange_of(leader, member)

    def _crash(self) -> None:
        up = self._up()
        if up:
            server = self.rng.choice(up)
            self._tell(f"{self._number(server)} crashes")
            self.world.crash(server)
            if self.rng.random() < 0.6:
                self.world.restart(server)

    def _restart(self) -> None:
        down = [each for each in self.world.servers if not (each.is_up or each.is_lost or each.is_gone)]
        if down:
            server = self.rng.choice(down)
            self._tell(f"{self._number(server)} restarts")
            self.world.restart(server)

    def _islands(self) -> None:
        for server in self.world.servers:
            server.island = self.rng.randint(0, 1)
        self._tell(f"islands {[each.island for each in self.world.servers]}")

    def _heal(self) -> None:
        for server in self.world.servers:
            server.island = 0
        self._tell("all are connected")

    def _create(self) -> None:
        able = self._active()
        if able and sum(not each.is_gone for each in self.world.servers) < SERVERS_MAX:
            creator = self.rng.choice(able)
            if self.rng.random() < 0.5:
                creator.truncate(creator.boundary)
            made = self.world.create(creator, self.cut)
            if made is not None:
                made.island = creator.island
                self._tell(f"{self._number(creator)} creates {made.name}, {self._number(made)}")
                self.world.exchange(made, creator, self.rng.choice((0, 1, 3, ALL)))

    def _truncate(self) -> None:
        able = self._active()
        if able:
            server = self.rng.choice(able)
            server.truncate(server.boundary)
            self.world.done(server, self.cut)

    # The end.

    def _finish(self) -> None:
        self.cut = 0.0
        self._heal()
        self.world.pulls, self.world.streams = [], []
        for server in self.world.servers:
            server.wishes_to_go, server.change = False, None
            if not (server.is_up or server.is_lost or server.is_gone):
                self.world.restart(server)
        for _ in range(ROUNDS_MAX):
            if self._round():
                return
        raise Broken("not everything is committed in the end")

    def _round(self) -> bool:
        """Gather what there is at one member, have it lead, spread; whether all is committed everywhere."""
        world = self.world
        for server in world.servers:
            if server.is_up and server.is_retired:
                self._hand_over(server)
        able = self._active()
        top = max(able, key=lambda each: len(each.log))
        hub = next((each for each in able if each.name in top.group), None)
        if hub is None:
            raise Broken(f"of the group {top.group} nobody is left")
        for server in world.servers:
            if server.is_up and server is not hub:
                world.exchange(hub, server)
        own = hub.votes.get(hub.name)
        if hub.tentative and own is not None and (own.ballot[1] != hub.name or not own.ballot[0]):
            hub.lead()
        hub.settle()
        world.done(hub)
        level = True
        for server in world.servers:
            if server.is_up and server is not hub:
                world.exchange(server, hub)
                level = level and (not server.is_joined or self._is_level(server, hub))
        return level and not hub.tentative

    def _is_level(self, server: Server, hub: Server) -> bool:
        return (
            not server.tentative
            and server.log == hub.log
            and server.epoch == hub.epoch
            and server.has == hub.has
            and covers(server.vector, hub.vector)
            and covers(hub.vector, server.vector)
        )


def run_seed(seed: int, rules: Rules, *, told: bool = False, run_type: type[Run] = Run) -> Outcome:
    """Run one history."""
    run = run_type(seed, rules)
    world = run.world
    if told:
        world.told = []
    problem = ""
    try:
        run.play()
    except Broken as broken:
        problem = str(broken)
    told_lines = tuple(world.told or ())
    return Outcome(seed, problem, world.steps, len(world.order), len(world.groups), world.seen, told_lines)
