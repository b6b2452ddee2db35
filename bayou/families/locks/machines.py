"""How worlds make servers and clients of a lock service."""

from __future__ import annotations

from bayou.families.locks.table import ALREADY, NOT_YOURS, Table
from bayou.families.log.client import Taken
from bayou.families.log.machines import events_of, keeping, make_with, restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.log.messages import BeClient
    from bayou.machine.machine import Machine, Surroundings
    from bayou.machine.messages import Message
    from bayou.paxos.log.messages import Command
    from bayou.trace.file import Event

__all__ = ["events_of", "keeping", "make", "restore"]

WORDS = {
    ALREADY: "client {client} holds it already, or waits for it",
    NOT_YOURS: "client {client} does not hold it",
}


class Locks:
    """The lock table as one client sees it. ``result``: what came of its own last command, empty for none."""

    def __init__(self, client: int) -> None:
        self._client = client
        self.table = Table()
        self.result = ""

    def take(self, slot: int, command: Command) -> Taken:
        """A command has been delivered."""
        result = self.table.take(slot, command.client, command.text)
        events: list[Event] = []
        if command.client == self._client:
            self.result = result
            about = {"client": self._client, "number": command.number, "slot": slot}
            events.append({"event": "result", **about, "result": result})
        for client, lock, token in self.table.grants:
            if client == self._client:
                events.append({"event": "granted", "client": client, "lock": lock, "slot": token})
        words = WORDS.get(result, "").format(client=command.client)
        return Taken(f"{command.text}: {words}" if words else "", events)

    def lines(self) -> list[str]:
        """Return a line for each lock."""
        return list(self.table.lines())


def make(address: int, what: Message, around: Surroundings) -> Machine:
    """Return a new server or client."""
    return make_with(_make_locks, address, what, around)


def _make_locks(what: BeClient) -> Locks:
    return Locks(what.client)
