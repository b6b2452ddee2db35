"""What a walk through every order of events goes through, for a chat."""

from __future__ import annotations

from bayou.families.log.maze import LogMaze

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import ClassVar

    from bayou.families import Family
    from bayou.families.maze import Maze


class ChatMaze(LogMaze):
    """A chat after its start."""

    FIRST: ClassVar[tuple[str, ...]] = ("start",)
    THEN: ClassVar[tuple[str, ...]] = ("sendMessage", "crashServer", "restartServer")
    MACHINES = "bayou.families.chat.machines"

    def use(self, name: str, client: int, fields: tuple[str, ...]) -> None:
        self.say(client, fields[0])


def open_maze(family: Family, lines: Sequence[str]) -> Maze:
    """Return the maze of a scenario, its servers and clients started."""
    return ChatMaze(family, lines)
