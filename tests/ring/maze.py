"""What a walk through every order of events goes through, for a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bayou.families.maze import Maze
from bayou.worlds.world import NodeSpec
from tests.ring.member import Member
from tests.ring.messages import BeMember, Pass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.families import Family


class RingMaze(Maze):
    """A ring that has been started; each passing on is one step to the next server that is up."""

    FIRST: ClassVar[tuple[str, ...]] = ("startRing",)
    THEN: ClassVar[tuple[str, ...]] = ("pass", "crashServer", "restartServer")
    size = 0

    def set_up(self, name: str, fields: tuple[str, ...]) -> None:
        self.size = int(fields[0])
        for server in range(self.size):
            self.world.start(self._spec(server), list(range(server)))

    def give(self, name: str, fields: tuple[str, ...]) -> None:
        world = self.world
        if name == "pass":
            for server, member in sorted(world.nodes.items()):
                if isinstance(member, Member) and member.has_it:
                    ring = [*range(server + 1, self.size), *range(server)]
                    others = [other for other in ring if other in world.nodes]
                    if others:
                        world.order(server, Pass(others[0]))
                    return
            return
        server = int(fields[0])
        if name == "crashServer" and server in world.nodes:
            world.crash(server)
        elif name == "restartServer" and server not in world.nodes:
            world.restart(self._spec(server), sorted(world.nodes))

    def _spec(self, server: int) -> NodeSpec:
        return NodeSpec(server, f"server {server}", True, "tests.ring.machines", BeMember(server == 0))


def open_maze(family: Family, lines: Sequence[str]) -> Maze:
    """Return the maze of a scenario."""
    return RingMaze(family, lines)
