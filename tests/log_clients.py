"""Clients of a log, and who changes its members: they ask again and again, and follow a name once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.paxos.log import inputs
from bayou.paxos.log.messages import Accept, Decrees, Members
from bayou.paxos.log.records import AcceptedRecord, Decided
from tests.log_world import DOWN, LOST

if TYPE_CHECKING:
    from typing import Any

    from bayou.machine.messages import Message
    from tests.log_world import World


class Client:
    """Sends commands, one under way at a time: each until it is acknowledged or refused.

    ``told``: what it was told is decided, by slot.
    """

    def __init__(self, world: World, id: int, commands: int) -> None:
        self.world = world
        self.id = id
        self.left = commands
        self.number = 0
        self.pending: inputs.Submit | None = None
        self.told: dict[int, Any] = {}
        self._unknown = 0
        self._turn = self._target = world.rng.randrange(len(world.servers))
        self._has_followed = False
        self._tries = 0

    def next(self) -> None:
        """Send the next command, if there is one."""
        if self.pending is not None or not self.left:
            return
        self.left -= 1
        self.number += 1
        while self._unknown in self.told:
            self._unknown += 1
        text = f"{self.id}.{self.number}"
        self.pending = inputs.Submit(self.id, self.number, self._unknown, text)
        asked = {"event": "asked", "client": self.id, "number": self.number, "text": text}
        self.world.events.append(asked)
        self._send()

    def _send(self) -> None:
        if self.pending is None:
            return
        self._tries += 1
        self.world.submit(self.id, self._target, self.pending)
        self.world.later(2 * self.world.knobs.pulse_s, self._time_out, self._tries)

    def turn_to(self, server: int) -> None:
        """Send the command that is under way, or the next one, to this server now."""
        if self.world.is_calm:
            return
        self._turn = self._target = server
        if self.pending is None:
            self.next()
        else:
            self._send()

    def _time_out(self, tries: int) -> None:
        if self.pending is not None and tries == self._tries:
            self._has_followed = False
            self._turn = self._target = (self._turn + 1) % len(self.world.servers)
            self._send()

    def heard(self, server: int, answer: inputs.Answer, news: dict[int, Any]) -> None:
        """An answer has come, maybe late, maybe again."""
        self.learn(news)
        pending = self.pending
        if isinstance(answer, inputs.NotLeader):
            if pending is None or server != self._target:
                return
            if answer.leader is not None and not self._has_followed and answer.leader != server:
                self._has_followed = True
                self._target = answer.leader
                self._send()
        elif isinstance(answer, inputs.Done) and pending is not None and answer.number == pending.number:
            known = {"client": self.id, "number": answer.number, "slot": answer.slot}
            self.world.events.append({"event": "acknowledged", **known})
            self._be_free()
        elif isinstance(answer, inputs.Refused) and pending is not None and answer.number == pending.number:
            self.world.count("an old command refused")
            self._be_free()

    def _be_free(self) -> None:
        self.pending = None
        self._has_followed = False
        self.world.later(self.world.knobs.think_s * self.world.rng.random(), self.next)

    def learn(self, news: dict[int, Any]) -> None:
        """Hear what is decided."""
        for slot, value in sorted(news.items()):
            if slot not in self.told:
                self.told[slot] = value
                told = {"event": "told", "client": self.id, "slot": slot, "value": value}
                self.world.events.append(told)


class Admin:
    """Changes members, and switches off who is no longer needed.

    ``wanted``: all lists that it ever asked for; ``in_force``: those that it was told are in force, by the
    slot from which on.
    """

    def __init__(self, world: World, initial: tuple[int, ...]) -> None:
        self.world = world
        self.initial = initial
        self.latest = initial
        self.wanted: list[tuple[int, ...]] = []
        self.in_force: dict[int, tuple[int, ...]] = {}
        self._open: dict[tuple[int, ...], int] = {}

    def change(self, members: tuple[int, ...], tries: int = 6) -> None:
        """Ask for other members, several times: answers may be lost."""
        self.latest = members
        self.wanted.append(members)
        self._open[members] = tries
        self._ask(members)

    def _ask(self, members: tuple[int, ...]) -> None:
        tries = self._open.get(members, 0)
        if not tries or self.world.is_calm:
            return
        self._open[members] = tries - 1
        up = self.world.up()
        targets = self.world.leaders() or up
        if targets:
            self.world.later(
                self.world.rng.random() * self.world.knobs.pulse_s,
                self.world.give,
                self.world.rng.choice(targets),
                inputs.ChangeMembers(members),
            )
        self.world.later(self.world.rng.random() * self.world.knobs.election_s, self._ask, members)

    def heard(self, server: int, answer: inputs.Answer) -> None:
        """An answer has come: only that members are in force is news."""
        if isinstance(answer, inputs.MembersInForce):
            self.in_force[answer.slot] = answer.members
            self._open.pop(answer.members, None)

    def lists(self) -> list[tuple[int, ...]]:
        """Return every list that may still be needed: what is in force, what may come to be, and all before
        where nothing was said to be in force yet."""
        if not self.in_force:
            return [self.initial, *self.wanted]
        last = max(self.in_force)
        alive = dict.fromkeys(tuple(sorted(each)) for each in self._open)
        alive |= dict.fromkeys(value.members for value in self._found(last) if isinstance(value, Members))
        return [self.in_force[last], *alive]

    def _found(self, since: int) -> list[Message]:
        """Return all values that are in any server, or on their way, and not decided below a window before
        ``since``."""
        slot = since - self.world.knobs.options.window
        found: list[Message] = [value for place, value in self.world.log.items() if place > slot]
        for server in self.world.servers.values():
            found += [
                record.value
                for record in server.disk
                if isinstance(record, (AcceptedRecord, Decided))
                and record.slot > slot
                and record.value is not None
            ]
            if server.node is not None:
                found += server.node.leading.queue
        for message in self.world.pending():
            if isinstance(message, Accept) and message.slot > slot:
                found.append(message.value)
            elif isinstance(message, Decrees):
                found += [decree.value for decree in message.decrees if decree.slot > slot]
        return found

    def can_lose(self, id: int) -> bool:
        """Whether each list has a majority that is not lost, without this server too."""
        return all(
            2 * sum(each != id and self.world.servers[each].state != LOST for each in members) > len(members)
            for members in self.lists()
        )

    def needed(self) -> list[int]:
        """Return which of those that are down have to be started, so that a majority of each list lives."""
        world, needed = self.world, dict.fromkeys(self.world.up())
        for members in self.lists():
            idle = [each for each in members if world.servers[each].state == DOWN and each not in needed]
            while 2 * sum(each in needed for each in members) <= len(members):
                needed[idle.pop(world.rng.randrange(len(idle)))] = None
        return [each for each in needed if world.servers[each].state == DOWN]
