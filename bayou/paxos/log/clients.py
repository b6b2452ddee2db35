"""What every server remembers of each client: so a command is applied once, however often it is decided.

The table is bounded by slots, which all servers count alike, and not by clocks: a client whose last command
is ``forget_slots`` behind is forgotten, and a command that was first sent so long ago is refused instead.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.paxos.log.messages import Command

APPLY = "apply"
REPEATED = "repeated"
TOO_OLD = "too old"


class Clients:
    """The last command of each client that was applied, and its slot; who was heard of least lately first."""

    def __init__(self, forget_slots: int, entries: Iterable[tuple[int, int, int]] = ()) -> None:
        """``entries``: (client, number, slot) each, the lowest slot first."""
        self._forget_slots = forget_slots
        self._last: dict[int, tuple[int, int]] = {}
        for client, number, slot in entries:
            self._last[client] = (number, slot)

    @property
    def entries(self) -> list[tuple[int, int, int]]:
        """(client, number, slot) each, the lowest slot first."""
        return [(client, number, slot) for client, (number, slot) in self._last.items()]

    def last(self, client: int) -> tuple[int, int]:
        """Return the number and the slot of the client's last command that was applied; (0, -1) for none."""
        return self._last.get(client, (0, -1))

    def is_too_old(self, since: int, slot: int) -> bool:
        """Whether a command that was first sent when slot ``since`` was not known may have been applied and
        forgotten before ``slot``."""
        return since + self._forget_slots <= slot

    def apply(self, command: Command, slot: int) -> str:
        """Return what becomes of a command decided in this slot: APPLY, REPEATED or TOO_OLD, and remember it.
        To be called with every command, in the order of slots."""
        while self._last:
            client = next(iter(self._last))
            if not self.is_too_old(self._last[client][1], slot):
                break
            del self._last[client]
        if command.number <= self.last(command.client)[0]:
            return REPEATED
        if self.is_too_old(command.since, slot):
            return TOO_OLD
        self._last.pop(command.client, None)
        self._last[command.client] = (command.number, slot)
        return APPLY
