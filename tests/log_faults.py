"""What befalls the servers of a log while a run lasts, and how it ends: all faults over, and all has to be
decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.paxos.log import inputs
from bayou.paxos.log.messages import Members
from tests.log_clients import Admin, Client
from tests.log_world import DOWN, Hold, World

if TYPE_CHECKING:
    from collections.abc import Callable

SERVERS_MAX = 12
CALM_ELECTIONS = 50
CALM_PULSES = 300
"""How many election time-outs all may take to be decided once faults have ended; how many rounds without a
clock."""


class Faults:
    """Lets things happen to a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self._next_leader = self._pulses = 0
        names, weights = zip(*world.knobs.weights, strict=True)
        self._names: tuple[str, ...] = names
        self._weights: tuple[int, ...] = weights
        self._kinds: dict[str, Callable[[], None]] = {
            "crash": self._crash,
            "crash in a step": self._crash_in_a_step,
            "crash the leader in a step": self._crash_leader_in_a_step,
            "restart": self._restart,
            "cut one way": self._cut_one_way,
            "cut some off": self._cut_some_off,
            "cut the leader's ears": lambda: self._isolate(hears=False),
            "cut the leader's mouth": lambda: self._isolate(hears=True),
            "mend": self._mend,
            "hold a ballot back": self._hold,
            "lead anew, with old answers held": self._lead_anew,
            "strand what a leader has": self._strand,
            "let go what was held": lambda: world.let_go(self.rng.random()),
            "jump a clock": self._jump,
            "change members": self._change,
            "change members twice": self._change_twice,
            "lose a server for good": self._lose,
            "skip slots": self._skip,
            "order a leader": self._order_leader,
            "order a resend": self._order_resend,
        }

    @property
    def admin(self) -> Admin:
        """Who changes members."""
        assert self.world.admin is not None
        return self.world.admin

    # Beginning and end.

    def begin(self) -> None:
        """Start servers and clients, and let things happen."""
        world, knobs = self.world, self.world.knobs
        initial = tuple(range(knobs.size))
        for _ in initial:
            world.add(initial)
        world.admin = Admin(world, initial)
        for id in range(knobs.clients):
            world.clients[id] = Client(world, id, knobs.commands)
        started = {"servers": list(initial), "clients": list(world.clients), "in_order": True}
        world.events.append({"event": "started", "window": knobs.options.window, **started})
        for id in initial:
            world.start(id)
        for client in world.clients.values():
            world.later(knobs.pulse_s * self.rng.random(), client.next)
        if knobs.is_clockless:
            world.later(0.0, world.give, 0, inputs.BecomeLeader())
            self._pulse()
        self._go_on()

    def _go_on(self) -> None:
        if self.world.is_calm:
            return
        if self.world.now > 0.0:
            self._kinds[self.rng.choices(self._names, self._weights)[0]]()
        self.world.later(self.world.knobs.every_s * 2 * self.rng.random(), self._go_on)

    def _pulse(self) -> None:
        """Servers without a clock are told to send again, and now and then that one of them leads."""
        world = self.world
        for id in world.up():
            if world.is_calm or self.rng.random() < 0.7:
                world.give(id, inputs.Resend())
        self._pulses += 1
        if world.is_calm:
            if not world.leaders() and self._pulses % 4 == 0:
                self._order_next()
        elif self.rng.random() < 0.15:
            self._order_leader()
        world.later(world.knobs.pulse_s, self._pulse)

    def calm(self) -> None:
        """All faults end: everything is mended, what was kept back arrives, a majority lives."""
        world, rng = self.world, self.rng
        world.is_calm = True
        world.cuts.clear()
        world.let_go(1.1)
        for server in world.servers.values():
            server.fuse = None
        for id in world.down() if rng.random() < 0.5 else self.admin.needed():
            world.later(rng.random() * world.knobs.election_s, world.start, id)
        for id in world.up():
            for peer in world.up():
                if id != peer:
                    world.give(id, inputs.LinkUp(peer))
        for client in world.clients.values():
            client.left = 1
            world.later(world.knobs.pulse_s * rng.random(), client.next)
        self._end_skipping()

    def _end_skipping(self) -> None:
        """Slots that a leader skips stay empty as long as it leads: let others lead, or it once more."""
        world = self.world
        if not world.knobs.is_clockless:
            for id in world.leaders():
                if world.node(id).leading.skipped:
                    world.give(id, inputs.BecomeLeader())
            world.later(world.knobs.election_s, self._end_skipping)
            return
        self._order_next()
        world.later(world.knobs.pulse_s * 40, self._end_skipping)

    def _order_next(self) -> None:
        """Without a clock: the next of the members that live takes over."""
        world = self.world
        first = max((world.node(id).first for id in world.up()), default=0)
        members, _ = self._members(first)
        up = [id for id in world.up() if id in members]
        if up:
            self._next_leader += 1
            world.give(up[self._next_leader % len(up)], inputs.BecomeLeader())

    @property
    def calm_s(self) -> float:
        """How long all may take to be decided after faults have ended."""
        knobs = self.world.knobs
        return CALM_PULSES * knobs.pulse_s if knobs.is_clockless else CALM_ELECTIONS * knobs.election_s

    def missing(self) -> str:
        """Return what is not yet as it should be in the end; nothing where all is."""
        world = self.world
        for client in world.clients.values():
            if client.pending is not None or client.left:
                return f"client {client.id} waits for {client.pending}"
        members, since = self._members()
        up = [id for id in members if world.servers[id].node is not None]
        firsts = {id: world.node(id).first for id in up}
        end = max(world.log, default=-1) + 1
        if any(first != end for first in firsts.values()):
            return f"members {firsts} do not know all of {end} slots"
        if since and since not in self.admin.in_force:
            return f"nobody said that {members} are in force from {since} on, only {self.admin.in_force}"
        lines = {id: world.servers[id].service.lines for id in up}
        if any(each != lines[up[0]] for each in lines.values()):
            return f"services differ: {lines}"
        return ""

    def _members(self, upto: float = float("inf")) -> tuple[tuple[int, ...], int]:
        """Return the members after the last change that was decided, of those that hold at slot ``upto``, and
        from which slot on; 0: the first ones."""
        members, since = self.admin.initial, 0
        for slot, value in sorted(self.world.log.items()):
            if isinstance(value, Members) and slot + self.world.knobs.options.window <= upto:
                members, since = value.members, slot + self.world.knobs.options.window
        return members, since

    def tell_all(self) -> None:
        """In the end each client hears all that a server knows."""
        world = self.world
        members, _ = self._members()
        service = next(world.servers[id].service for id in members if world.servers[id].node is not None)
        for client in world.clients.values():
            client.learn(service.values)

    # What can happen.

    def _some_up(self) -> int | None:
        up = self.world.up()
        return self.rng.choice(up) if up else None

    def _crash(self) -> None:
        id = self._some_up()
        if id is not None:
            self.world.crash(id)

    def _crash_in_a_step(self) -> None:
        id = self._some_up()
        if id is not None:
            self.world.servers[id].fuse = self.rng.choice((0, 0, 1, 3))

    def _crash_leader_in_a_step(self) -> None:
        leaders = self.world.leaders()
        if leaders:
            self.world.servers[self.rng.choice(leaders)].fuse = self.rng.choice((0, 0, 1, 3))

    def _restart(self) -> None:
        down = self.world.down()
        if down:
            self.world.start(self.rng.choice(down))

    def _cut(self, a: int, b: int) -> None:
        self.world.cuts[a, b] = None
        if self.rng.random() < 0.5:
            self.world.link_down(b, a)
        if self.rng.random() < 0.3:
            self.world.link_down(a, b)

    def _cut_one_way(self) -> None:
        ids = list(self.world.servers)
        if len(ids) > 1:
            self._cut(*self.rng.sample(ids, 2))

    def _cut_some_off(self) -> None:
        ids = list(self.world.servers)
        some = self.rng.sample(ids, self.rng.randint(1, len(ids)))
        for a in some:
            for b in ids:
                if b not in some:
                    self._cut(a, b)
                    self._cut(b, a)

    def _isolate(self, *, hears: bool) -> None:
        leaders = self.world.leaders()
        if leaders:
            leader = self.rng.choice(leaders)
            for id in self.world.servers:
                if id != leader and self.rng.random() < 0.8:
                    self._cut(leader, id) if hears else self._cut(id, leader)

    def _mend(self) -> None:
        world = self.world
        cuts = list(world.cuts)
        share = self.rng.choice((0.3, 1.1))
        for a, b in cuts:
            if self.rng.random() < share:
                del world.cuts[a, b]
                if self.rng.random() < 0.7:
                    world.give(b, inputs.LinkUp(a))

    def _hold(self) -> None:
        leaders = self.world.leaders()
        if leaders:
            ballot = self.world.node(self.rng.choice(leaders)).leading.ballot
            until = self.world.now + self.rng.choice((0.1, 0.5, 5.0))
            self.world.holds = [*self.world.holds[-2:], Hold(ballot, until, len(self.world.rulers))]

    def _lead_anew(self) -> None:
        """A leader reaches only some, whose answers come late; it begins anew, and reaches only others."""
        leaders, world, rng = self.world.leaders(), self.world, self.rng
        if leaders:
            leader = rng.choice(leaders)
            ballot = world.node(leader).leading.ballot
            world.holds = [*world.holds[-2:], Hold(ballot, world.now + 1.0, -2)]
            self._mute(leader, rng.randint(1, 2))
            self._turn_clients_to(leader)
            wait_s = world.knobs.latency_s * rng.choice((2, 5, 10))
            world.later(wait_s, self._lead_again, leader)
            for share in (0.3, 0.6, 1.1):
                world.later(wait_s * (1 + 3 * rng.random()), world.let_go, share)

    def _lead_again(self, leader: int) -> None:
        """A leader asks all for promises of a new ballot, and then reaches only some."""
        if self.world.is_calm:
            return
        self._unmute(leader)
        self.world.give(leader, inputs.BecomeLeader())
        self._mute(leader, self.rng.randint(1, 2))
        self.world.later(self.world.knobs.latency_s * 40, self._unmute, leader)

    def _mute(self, server: int, heard_by: int) -> None:
        """A server reaches only so many others."""
        others = [id for id in self.world.servers if id != server]
        for id in self.rng.sample(others, max(0, len(others) - heard_by)):
            self.world.cuts[server, id] = None

    def _unmute(self, server: int) -> None:
        for id in self.world.servers:
            self.world.cuts.pop((server, id), None)

    def _turn_clients_to(self, server: int) -> None:
        for client in self.world.clients.values():
            client.turn_to(server)

    def _strand(self) -> None:
        """A leader goes on accepting what clients send, with gaps below, and nobody hears of it until others
        have led, and had the same decided."""
        leaders, world, rng = self.world.leaders(), self.world, self.rng
        if leaders:
            leader = rng.choice(leaders)
            node = world.node(leader)
            end = max(
                node.first, node.leading.used + 1, node.leading.top + 1, *(at + 1 for at in node.ledger.above)
            )
            if rng.random() < 0.7:
                world.give(leader, inputs.Skip(tuple(range(end, end + rng.randint(1, 4)))))
            self._mute(leader, 0)
            self._turn_clients_to(leader)
            wait_s = world.knobs.latency_s * rng.choice((5, 10))
            others = [id for id in world.up() if id != leader]
            if others and rng.random() < 0.7:
                second, third = rng.choice(others), rng.choice([leader, *others])
                world.later(wait_s, world.give, second, inputs.BecomeLeader())
                world.later(2 * wait_s, self._turn_clients_to, second)
                world.later(4 * wait_s, self._unmute, leader)
                world.later(4 * wait_s, world.give, third, inputs.BecomeLeader())

    def _jump(self) -> None:
        id = self._some_up()
        if id is not None:
            self.world.jump(id, self.rng.choice((0.1, 1.0, 30.0)))
            self.world.count("a clock that jumped")

    def _new(self) -> int | None:
        """Have a new server, started soon or late, and sometimes cut off from some others."""
        world = self.world
        if len(world.servers) >= SERVERS_MAX:
            return None
        id = world.add(())
        if self.rng.random() < 0.8:
            world.later(self.rng.choice((0.0, 0.1, 1.0)), world.start, id)
        if self.rng.random() < 0.3:
            for other in list(world.servers)[:-1]:
                if self.rng.random() < 0.7:
                    self._cut(other, id)
                if self.rng.random() < 0.5:
                    self._cut(id, other)
        return id

    def _change(self) -> None:
        rng, members = self.rng, list(self.admin.latest)
        kind = rng.choice(
            ("grow", "grow", "shrink", "replace one", "replace one", "replace all", "to one", "back")
        )
        if kind in ("shrink", "replace one") and len(members) > 1:
            members.remove(rng.choice(members))
        if kind in ("grow", "replace one"):
            members += [id for id in [self._new()] if id is not None]
        elif kind == "replace all":
            members = [id for id in [self._new() for _ in range(rng.choice((1, 2, 3)))] if id is not None]
        elif kind == "to one":
            members = [rng.choice(members)]
        elif kind == "back":
            alive = [*self.world.up(), *self.world.down()]
            members = rng.sample(alive, rng.randint(1, min(5, len(alive))))
        if members and members != list(self.admin.latest):
            rng.shuffle(members)
            self.admin.change(tuple(members))

    def _change_twice(self) -> None:
        self._change()
        self._change()

    def _lose(self) -> None:
        """A server is lost with its disk, and another one takes its place; or one that was left out is
        switched off."""
        world, rng, admin = self.world, self.rng, self.admin
        left_out = [
            id for id in [*world.up(), *world.down()] if all(id not in each for each in admin.lists())
        ]
        if left_out:
            id = rng.choice(left_out)
        else:
            there = [id for id in [*world.up(), *world.down()] if admin.can_lose(id)]
            if not there:
                return
            id = rng.choice(there)
        world.crash(id, for_good=True)
        world.count("a server lost for good")
        if id in admin.latest:
            new = self._new()
            members = [each for each in admin.latest if each != id] + ([] if new is None else [new])
            if members:
                admin.change(tuple(members))

    def _skip(self) -> None:
        leaders = self.world.leaders()
        if leaders:
            self.world.count("an order to skip slots")
            end = max(self.world.log, default=0) + 1
            slots = tuple(end + self.rng.randint(-2, 6) for _ in range(self.rng.randint(1, 4)))
            self.world.give(self.rng.choice(leaders), inputs.Skip(tuple(slot for slot in slots if slot >= 0)))

    def _order_leader(self) -> None:
        id = self._some_up()
        if id is not None:
            live = self.rng.choice(((), (), tuple(self.world.up())))
            self.world.give(id, inputs.BecomeLeader(live))

    def _order_resend(self) -> None:
        id = self._some_up()
        if id is not None:
            self.world.give(id, inputs.Resend())


__all__ = ["DOWN", "Faults"]
