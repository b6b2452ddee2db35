"""Counts what an embedded replica does, for the report of a sync."""

from __future__ import annotations

from bayou.core.items import Items
from bayou.core.past import Installed
from bayou.core.write import NOTICE
from bayou.machine.effects import Received
from bayou.node.messages import AntiEntropy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.machine.effects import Effects, Input
    from bayou.machine.records import Durable


class Tally:
    """Observes a station (bayou.host.station): how many writes were ``sent`` and ``received`` that were new,
    and how many ``bases`` were taken over."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.bases = 0

    def stepped(self, given: Input, effects: Effects) -> None:
        """Count what an input has brought about."""
        for _, message in effects.sends:
            if isinstance(message, AntiEntropy):
                self.sent += _writes(message.items)
        if isinstance(given, Received):
            for record in effects.durable:
                if isinstance(record, Items):
                    self.received += _writes(record)
                elif isinstance(record, Installed):
                    self.bases += 1

    def kept(self, records: Sequence[Durable], seconds: float) -> None:
        """How long that took is nobody's business here."""


def _writes(items: Items) -> int:
    return sum(write.kind != NOTICE for write in items.committed) + len(items.tentative)
