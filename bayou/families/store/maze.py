"""What a walk through every order of events goes through, for the store."""

from __future__ import annotations

from bayou.core.name import Name
from bayou.core.rows import PLAYLIST
from bayou.core.values import text_value
from bayou.core.vector import VersionVector
from bayou.families.maze import Maze
from bayou.families.store.specs import BeServer, client_spec, server_spec
from bayou.node.messages import Delete, Do, DropMarks, Get, Join, Put, Retire, Truncate
from bayou.node.server import Server
from bayou.node.settings import Habits, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, ClassVar

    from bayou.families import Family
    from bayou.trace.file import Event

_OTHERS = {"get": Get, "delete": Delete}
NEVER_S = 1e9
HABITS = Habits(period_s=NEVER_S, round_s=NEVER_S, patience_s=NEVER_S)
BE_SERVER = BeServer(Settings(habits=HABITS))
"""Servers tell each other what is new, and periodic gossip does not happen. Stamps are logical."""


class StoreMaze(Maze):
    """A store after its joins and cuts."""

    FIRST: ClassVar[tuple[str, ...]] = ("joinServer", "joinClient", "breakConnection")
    THEN: ClassVar[tuple[str, ...]] = (
        "put", "delete", "get", "retireServer", "crashServer", "restartServer", "truncateLog", "dropMarks",
    )  # fmt: skip
    PLAIN: ClassVar[Mapping[type, Callable[[Any], object]]] = {
        Name: lambda name: name.stamps,
        VersionVector: lambda vector: tuple(
            sorted((name.stamps, stamp) for name, stamp in vector._entries.items())
        ),
    }

    def set_up(self, name: str, fields: tuple[str, ...]) -> None:
        a, *others = map(int, fields)
        if name == "breakConnection":
            self.world.disconnect(a, others[0])
        elif name == "joinClient":
            self.world.start(client_spec(a), others)
        else:
            servers = self._servers()
            self.world.start(server_spec(a, BE_SERVER), servers, Join(first=not servers))

    def give(self, name: str, fields: tuple[str, ...]) -> None:
        node, world = int(fields[0]), self.world
        if name == "restartServer":
            if node not in world.nodes and world.journals.get(node):
                peers = [peer for peer in sorted(world.nodes) if peer != node]
                world.restart(server_spec(node, BE_SERVER), peers)
                self.events.append({"event": "restarted", "server": node})
        elif node not in world.nodes:
            return
        elif name == "crashServer":
            world.crash(node)
            self.events.append({"event": "crashed", "server": node})
        elif name == "retireServer":
            world.order(node, Retire())
        elif name in ("truncateLog", "dropMarks"):
            upto = int(fields[1]) if fields[1] else None
            world.order(node, Truncate(upto) if name == "truncateLog" else DropMarks(upto))
        else:
            row = PLAYLIST, fields[1]
            ask = Put(*row, text_value(fields[2])) if name == "put" else _OTHERS[name](*row)
            world.order(node, Do(ask))

    def ending(self) -> list[Event]:
        groups = [servers] if (servers := self._servers()) else []
        return [{"event": "settled", "groups": groups}]

    def _servers(self) -> list[int]:
        """Return the servers that have not retired."""
        servers = [(id, node) for id, node in self.world.nodes.items() if isinstance(node, Server)]
        return sorted(id for id, server in servers if not server.replica.retired)


def open_maze(family: Family, lines: Sequence[str]) -> Maze:
    """Return the maze of a scenario, its joins and cuts carried out."""
    return StoreMaze(family, lines)
