"""Which of the known bugs of a log are found in runs of chat and locks, and bugs of its clients.

Families on a log have no changes of members and take no snapshots: bugs of those are for campaigns against
the log itself.
"""

from __future__ import annotations

from bayou.families.log import bugs
from bayou.families.log.client import LogClient
from bayou.paxos.log.messages import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.log.client import ClientEffects
    from bayou.families.log.messages import Decree
    from bayou.families.planting import Patch, Plant


def delivered_when_decided(patch: Patch) -> None:
    """A client takes its message for delivered when its slot is decided, whatever is below."""

    def learn(self: LogClient, decree: Decree, effects: ClientEffects) -> None:
        original(self, decree, effects)
        value = decree.value
        if isinstance(value, Command) and self.decided.get(decree.slot) is value:
            self._numbers[value.client] = value.number
            self._deliver(decree.slot, value, effects)

    original = LogClient._learn
    patch.setattr(LogClient, "_learn", learn)


def client_forgets_numbers(patch: Patch) -> None:
    """A client delivers a command as often as it is decided."""

    def learn(self: LogClient, decree: Decree, effects: ClientEffects) -> None:
        self._numbers.clear()
        original(self, decree, effects)

    original = LogClient._learn
    patch.setattr(LogClient, "_learn", learn)


FOUND = (
    "a promise that is not durable",
    "an acceptance that is not durable",
    "a lower ballot accepted",
    "the value of the lowest ballot adopted",
    "a majority less one",
    "one acceptor counted twice",
    "a no-op over an accepted value",
    "state lost, and the id kept",
    "a command applied twice",
    "a client answered when its command is decided",
    "a promise to a candidate that is behind",
    "decided inferred from the leader's prefix",
)
"""Bugs of the log that such runs find."""

BUGS: dict[str, Plant] = {
    **{name: bugs.BUGS[name] for name in FOUND},
    "a client that takes decided for delivered": delivered_when_decided,
    "a client that delivers twice what is decided twice": client_forgets_numbers,
}
OUT_OF_REACH: dict[str, Plant] = {
    **{name: plant for name, plant in bugs.BUGS.items() if name not in FOUND},
    **bugs.OUT_OF_REACH,
}
"""Bugs of what such runs do not have; campaigns against the log itself find them."""
