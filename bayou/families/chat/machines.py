"""How worlds make servers and clients of a chat."""

from __future__ import annotations

from bayou.families.log.client import Taken
from bayou.families.log.machines import events_of, keeping, make_with, restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.log.messages import BeClient
    from bayou.machine.machine import Machine, Surroundings
    from bayou.machine.messages import Message
    from bayou.paxos.log.messages import Command

__all__ = ["events_of", "keeping", "make", "restore"]


def line_of(slot: int, client: int, text: str) -> str:
    """Return a message as it stands in a view."""
    return f"{slot} {client}: {text}"


class View:
    """What has been delivered to one client."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def take(self, slot: int, command: Command) -> Taken:
        """A message has been delivered."""
        self._lines.append(line_of(slot, command.client, command.text))
        return Taken()

    def lines(self) -> list[str]:
        """Return the view, a line for each message: slot, sender, text."""
        return self._lines


def make(address: int, what: Message, around: Surroundings) -> Machine:
    """Return a new server or client."""
    return make_with(_make_view, address, what, around)


def _make_view(what: BeClient) -> View:
    return View()
