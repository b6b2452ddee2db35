"""What a walk through every order of events goes through, for a lock service."""

from __future__ import annotations

from bayou.families.locks.commands import OBSERVER
from bayou.families.locks.table import EXPIRE
from bayou.families.log.maze import LogMaze
from bayou.families.log.system import CLIENTS_FROM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import ClassVar

    from bayou.families import Family
    from bayou.families.maze import Maze


class LockMaze(LogMaze):
    """A lock service after its start."""

    FIRST: ClassVar[tuple[str, ...]] = ("startLocks",)
    THEN: ClassVar[tuple[str, ...]] = (
        "lock", "unlock", "crashServer", "restartServer", "crashClient", "expireClient",
    )  # fmt: skip
    MACHINES = "bayou.families.locks.machines"

    def watchers(self, clients: int) -> list[int]:
        return [*super().watchers(clients), OBSERVER]

    def use(self, name: str, client: int, fields: tuple[str, ...]) -> None:
        if name == "crashClient":
            if CLIENTS_FROM + client in self.world.nodes:
                self.world.crash(CLIENTS_FROM + client)
                self.events.append({"event": "crashed client", "client": client})
        elif name == "expireClient":
            self.say(OBSERVER, f"{EXPIRE} {client}")
        else:
            self.say(client, f"{name} {int(fields[0])}")


def open_maze(family: Family, lines: Sequence[str]) -> Maze:
    """Return the maze of a scenario, its servers and clients started."""
    return LockMaze(family, lines)
