"""What happens to the servers of the model beside reading and writing: changes of the group, retirements,
losses.

What a history is made up of otherwise is in tests/group_driver.py.
"""

from __future__ import annotations

from tests.group_model import Server
from tests.group_rules import GROUP, RETIRE, Name, covers
from tests.group_world import World


class Changes:
    """A world, and what is done to its servers and its group."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self.rules = world.rules
        self.cut = 0.0

    def _tell(self, line: str) -> None:
        if self.world.told is not None:
            self.world.told.append(line)

    # Who there is.

    def _up(self) -> list[Server]:
        return [each for each in self.world.servers if each.is_up]

    def _active(self) -> list[Server]:
        return [each for each in self.world.servers if each.is_active]

    def _number(self, server: Server) -> int:
        return self.world.servers.index(server)

    def _settle(self, server: Server) -> bool:
        server.settle(proposes=self.world.proposes)
        return not self.world.done(server, self.cut)

    # Losses for good.

    def _lose(self) -> None:
        able = [each for each in self.world.servers if not (each.is_lost or each.is_gone) and self._may(each)]
        if able:
            server = self.rng.choice(able)
            self._tell(f"{self._number(server)} is lost for good")
            self.world.crash(server)
            server.is_lost = True
            self.world.seen["servers lost for good"] += 1
            self.world.streams = [each for each in self.world.streams if each.sender is not server]

    def _may(self, server: Server) -> bool:
        """Whether a server may be lost: of no group that may still have to decide are more than f."""
        return all(
            server.name not in group
            or sum(self.world.named[each].is_lost for each in group) < (len(group) - 1) // 2
            for group in self._groups_that_matter()
        )

    def _groups_that_matter(self) -> list[tuple[Name, ...]]:
        world = self.world
        groups = [world.group]
        knowing = sum(world.named[each].epoch >= world.epoch for each in world.group)
        if knowing < (len(world.group) + 1) // 2:
            groups.append(world.former)
        for server in world.servers:
            if not (server.is_lost or server.is_gone):
                groups += [
                    write.names
                    for write in server.tentative
                    if write.names
                    and (write.kind == RETIRE or write.since == world.epoch or not self.rules.since)
                ]
                if server.change is not None:
                    groups.append(server.change[1])
        return groups

    # Changes of the group.

    def _change(self) -> None:
        rng = self.rng
        able = [each for each in self._active() if not each.wishes_to_go]
        if not able:
            return
        under_way = [each for each in able if each.change is not None]
        server = rng.choice(under_way or able)
        if server.change is None:
            named = self.world.named
            known = [each for each in server.vector if each in named and not named[each].is_lost]
            size = min(len(known), rng.choice((1, 2, 3, 3, 3, 4, 5)))
            self._accept_change(server, tuple(rng.sample(known, size)), ask=rng.choice((0.5, 1.0)))
        else:
            self._accept_change(server, server.change[1], ask=rng.choice((0.5, 1.0)))

    def _accept_change(self, server: Server, names: tuple[Name, ...], ask: float) -> bool:
        """Ask for consents, and accept the group write where there are enough; whether it was accepted."""
        epoch, rules = server.epoch, self.rules
        if server.change is None or server.change[:2] != (epoch, names):
            server.change = epoch, names, {}
        given = server.change[2]
        for name in names if rules.consent else ():
            asked = self.world.named[name]
            if name not in given and asked.island == server.island and self.rng.random() <= ask:
                if not asked.consent(epoch):
                    self.world.seen["consents refused"] += 1
                elif not self.world.done(asked, self.cut):
                    given[name] = None
        if not server.is_up:
            return False
        new = [name for name in names if name not in server.group]
        if rules.consent and not (all(each in given for each in new) and 2 * len(given) > len(names)):
            return False
        server.change = None
        write = self.world.put(server, GROUP, epoch, names)
        self._tell(f"{self._number(server)} accepts {write}")
        return self._settle(server)

    # Retirements.

    def _retire(self) -> None:
        able = [each for each in self._active() if not each.wishes_to_go]
        if len(able) > 1:
            server = self.rng.choice(able)
            server.wishes_to_go = True
            server.change = None
            self._tell(f"{self._number(server)} is to retire")
            self._go_on(server)

    def _go(self) -> None:
        going = [each for each in self._up() if each.wishes_to_go or each.is_retired]
        if going:
            self._go_on(self.rng.choice(going))

    def _go_on(self, server: Server) -> None:
        if server.is_retired:
            self._hand_over(server)
        elif server.group == (server.name,):
            self._hand_duty_on(server)
        elif server.name in server.group and self.rules.leaves_first:
            self._leave(server)
        elif (server.consented < server.epoch or not self.rules.consent) and self._half_knows(server):
            self.world.put(server, RETIRE)
            self.world.seen["retirements of members that had left"] += server.was_member
            self._tell(f"{self._number(server)} accepts its retirement write")
            self._settle(server)

    def _half_knows(self, server: Server) -> bool:
        has_left = server.was_member if self.rules.remembers else server.left_in >= 0
        if not has_left or not self.rules.half_knows or server.name in server.group:
            return True
        return len(server.votes) >= (len(server.group) + 1) // 2

    def _hand_duty_on(self, server: Server) -> None:
        """The only member hands its duty to an heir that consents."""
        for heir in self._active():
            if heir is not server and heir.island == server.island and heir.consent(server.epoch):
                if not self.world.done(heir, self.cut):
                    self.world.put(server, RETIRE, 0, (heir.name,))
                    self.world.seen["duties handed to an heir"] += 1
                    self._tell(f"{self._number(server)} retires, {self._number(heir)} is its heir")
                    self._settle(server)
                return

    def _leave(self, server: Server) -> None:
        """A member leaves the group; another server takes its place where one consents."""
        if server.left_in == server.epoch:
            return
        names = [each for each in server.group if each != server.name]
        for other in self._active():
            if other.name in server.group or other.island != server.island or other.name not in server.vector:
                continue
            if other.consent(server.epoch):
                if not self.world.done(other, self.cut):
                    names.append(other.name)
                break
        epoch = server.epoch
        if self._accept_change(server, tuple(names), ask=1.0):
            server.left_in = epoch

    def _hand_over(self, server: Server) -> None:
        """A retired server goes when another one has all that it has: its heir, where it named one."""
        able = [each for each in self._active() if not each.wishes_to_go and each.island == server.island]
        last = server.log[server.epoch - 1] if server.epoch else None
        if last is not None and last.server == server.name and last.kind == RETIRE:
            able = [each for each in able if each.name in last.names]
        if able:
            other = self.rng.choice(able)
            self.world.exchange(other, server)
            if len(other.log) >= len(server.log) and covers(other.vector, server.vector):
                server.is_gone, server.is_up = True, False
                self.world.seen["servers gone"] += 1
                self._tell(f"{self._number(server)} has gone")
