"""What was worth seeing of bases on their way from one server to another."""

from __future__ import annotations

from collections import Counter

from bayou.core.write import RETIREMENT
from bayou.node.messages import (
    HAND_OVER,
    JOIN,
    ROUND,
    AntiEntropy,
    BaseRows,
    Create,
    End,
    Gather,
    Pull,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.past import BasePosition
    from bayou.machine.machine import Machine
    from bayou.machine.messages import Message
    from bayou.trace.file import Event
    from bayou.worlds.simulated import SimulatedWorld

OF_TRANSFERS = (
    "a base of what changed since",
    "a base in several parts",
    "a base cut half way",
    "a base gone on with at another server",
    "a base gone on with after a crash",
    "a base begun afresh half way",
    "a base that changed while it was sent",
    "a base thrown away half way",
    "a base told whole as marks were gone",
    "a newcomer that is sent a base",
    "a hand-over by a base",
    "a round with a base",
    "a log let go of in the middle of an exchange",
)
OF_BASES = (
    "a log let go of",
    "a base taken over",
    "the duty in a base",
    "a write that stayed tentative beside a base",
)


class Asking:
    """What a server last asked for: as of which CSN and position in a base, for which purpose, in which
    life."""

    __slots__ = ("csn", "life", "position", "purpose")

    def __init__(self, csn: int, position: BasePosition | None, purpose: str, life: Machine | None) -> None:
        self.csn = csn
        self.position = position
        self.purpose = purpose
        self.life = life


class Transfers:
    """Counts while a world runs."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.counts: Counter[str] = Counter()
        self._world = world
        self._asking: dict[int, Asking] = {}
        self._told_by: dict[int, int] = {}
        self._base: dict[int, int] = {}
        self._parts: dict[tuple[int, int], int] = {}
        self._groups: dict[int, list[list[int]]] = {}

    def sent(self, sender: int, receiver: int, message: Message) -> None:
        """A message was sent."""
        if isinstance(message, Pull):
            self._asks(sender, message.csn, message.base, message.purpose)
        elif isinstance(message, Gather):
            self._asks(sender, message.csn, message.base, ROUND)
        elif isinstance(message, Create):
            self._asks(sender, 0, message.base, JOIN)
        elif isinstance(message, AntiEntropy):
            self._parts[sender, receiver] = message.serial
            if message.end is not None:
                self._has_asked_back(sender, message.end)
        elif isinstance(message, BaseRows):
            if message.stand is not None:
                self._has_asked_back(sender, message.stand)
            self._rows(sender, receiver, message)

    def cut(self, message: Message) -> None:
        """A connection was cut while this was on its way."""
        self.counts["a base cut half way"] += isinstance(message, BaseRows)

    def of(self, events: list[Event]) -> Counter[str]:
        """Return what the events of a trace tell of bases."""
        counts: Counter[str] = Counter()
        for event in events:
            kind = event["event"]
            if kind == "truncated":
                counts["a log let go of"] += 1
            elif kind == "installed":
                counts["a base taken over"] += 1
                before = self._groups.get(event["server"], [[]])
                counts["the duty in a base"] += event["group"] != before
                counts["a write that stayed tentative beside a base"] += event["tentative"] > 0
                self._groups[event["server"]] = event["group"]
            elif kind == "log":
                for write in event["committed"]:
                    if write[2] == RETIREMENT and len(write) > 3:
                        self._groups[event["server"]] = [write[3]]
            elif kind == "named":
                self._groups.pop(event["server"], None)
        return counts

    def _has_asked_back(self, server: int, end: End) -> None:
        if end.back is not None:
            self._asks(server, end.csn, end.base, ROUND)

    def _asks(self, server: int, csn: int, position: BasePosition | None, purpose: str) -> None:
        """A server says where it stands."""
        before, life = self._asking.get(server), self._world.nodes.get(server)
        had = before is not None and before.position is not None and not before.position.is_beginning
        if before is not None and had:
            if position is None and csn == before.csn and life is before.life:
                self.counts["a base thrown away half way"] += 1
            if position is not None and life is not before.life:
                self.counts["a base gone on with after a crash"] += 1
        self._asking[server] = Asking(csn, position, purpose, life)

    def _rows(self, sender: int, receiver: int, message: BaseRows) -> None:
        """Rows of a base were sent to who has asked for something."""
        counts, chunk = self.counts, message.chunk
        counts["a base of what changed since"] += chunk.after.since > 0 and bool(chunk.rows)
        counts["a base in several parts"] += message.end is None
        if self._parts.get((sender, receiver)) == message.serial:
            counts["a log let go of in the middle of an exchange"] += 1
        asking = self._asking.get(receiver)
        if asking is None:
            return
        counts["a newcomer that is sent a base"] += asking.purpose == JOIN
        counts["a hand-over by a base"] += asking.purpose == HAND_OVER
        counts["a round with a base"] += asking.purpose == ROUND
        has_part = asking.position is not None and not asking.position.is_beginning
        if chunk.after.is_beginning:
            counts["a base begun afresh half way"] += has_part
            counts["a base told whole as marks were gone"] += not chunk.after.since and asking.csn > 0
        elif has_part:
            counts["a base gone on with at another server"] += self._told_by.get(receiver) != sender
            counts["a base that changed while it was sent"] += self._base.get(receiver) != chunk.base
        self._told_by[receiver] = sender
        self._base[receiver] = chunk.base
