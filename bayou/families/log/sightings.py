"""What was worth seeing in a run of a log: a campaign that never saw one of these proves less than it seems
to."""

from __future__ import annotations

from collections import Counter

from bayou.families.log.bundles import unbundle
from bayou.families.log.generate import LOSING
from bayou.families.log.messages import Redirect, Submit
from bayou.paxos.ballot import Ballot
from bayou.paxos.log.messages import Accept, Decrees, Nack, NoOp, Prepare, Promise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.machine.messages import Message
    from bayou.trace.file import Event
    from bayou.worlds.simulated import SimulatedWorld

SIGHTINGS = (
    "a message lost",
    "a message doubled",
    "an Accept cut half way",
    "an Accept of a leader that is none any more",
    "a ballot refused",
    "a promise that tells of something accepted",
    "a value adopted by a new leader",
    "a no-op in a gap",
    "a server that catches up",
    "a command sent again",
    "a command decided in two slots",
    "a client sent on to the leader",
    "two leaders at once",
    "a crash",
    "a crash in the middle of a command",
    "a crash that lost what was not durable",
    "a restart",
    "a command given up",
    "rest without a majority",
    "a run in lock-step",
)

ASKED_AGAIN = "asked again though nothing was lost"
"""Progress that only a retry brought, in a run in which no message was lost, overtaken or very late, and
nobody crashed: not wrong, but slow, and so worth a look. Counted by what was asked for again."""


class Sightings:
    """Counts while a world runs."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.messages = 0
        self.counts: Counter[str] = Counter()
        self._asked_again: Counter[str] = Counter()
        self._submitted: set[tuple[int, int]] = set()
        self._highest = Ballot.NONE
        self._leading: dict[int, Ballot] = {}
        self._proposed: dict[tuple[int, str], Ballot] = {}
        world.watcher = self

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        """A message was sent, and arrives so many times."""
        self.messages += 1
        counts = self.counts
        if arrivals != 1:
            counts["a message lost" if not arrivals else "a message doubled"] += 1
        for part in unbundle(message):
            if isinstance(part, Accept):
                self._look_at_accept(part)
        if isinstance(message, Prepare):
            self._highest = max(self._highest, message.ballot)
        elif isinstance(message, Nack):
            counts["a ballot refused"] += 1
        elif isinstance(message, Promise):
            counts["a promise that tells of something accepted"] += bool(message.accepted)
        elif isinstance(message, Decrees):
            counts["a server that catches up"] += 1
        elif isinstance(message, Redirect):
            counts["a client sent on to the leader"] += message.leader is not None
        elif isinstance(message, Submit):
            counts["a command sent again"] += (sender, message.number) in self._submitted
            self._submitted.add((sender, message.number))

    def _look_at_accept(self, message: Accept) -> None:
        ballot = message.ballot
        self.counts["an Accept of a leader that is none any more"] += ballot < self._highest
        self._highest = max(self._highest, ballot)
        place = message.slot, repr(message.value)
        first = self._proposed.setdefault(place, ballot)
        self.counts["a value adopted by a new leader"] += first != ballot and not isinstance(
            message.value, NoOp
        )
        last = self._leading.get(ballot.node, Ballot.NONE)
        self._leading[ballot.node] = max(last, ballot)
        self.counts["two leaders at once"] += ballot < max(self._leading.values())

    def asked_again(self, what: str) -> None:
        """A node asked for something a second time, as no answer came in time."""
        self._asked_again[f"{ASKED_AGAIN}: {what}"] += 1

    def cut(self, message: Message) -> None:
        """A connection was cut while this was on its way."""
        self.counts["an Accept cut half way"] += isinstance(unbundle(message)[0], Accept)

    def lost(self) -> None:
        """A crash lost what a server had not made durable."""
        self.counts["a crash that lost what was not durable"] += 1

    def of(self, events: list[Event]) -> Counter[str]:
        """Return all counts, those of a trace added."""
        counts = self.counts
        slots: dict[tuple[Any, ...], int] = {}
        for event in events:
            kind = event["event"]
            if kind == "told":
                self._look_at_value(event["slot"], event["value"], slots)
            elif kind == "crashed":
                counts["a crash"] += 1
                counts["a crash in the middle of a command"] += "t" in event
            elif kind == "restarted":
                counts["a restart"] += 1
            elif kind == "gave up":
                counts["a command given up"] += 1
            elif kind == "cleared":
                counts["rest without a majority"] += not event["majority"]
            elif kind == "began":
                counts["a run in lock-step"] += not event["free_running"]
        names = [event["text"].split()[0] for event in events if event["event"] == "command"]
        if not any(name in LOSING for name in names):
            counts += self._asked_again
        return counts

    def _look_at_value(self, slot: int, value: list[Any], slots: dict[tuple[Any, ...], int]) -> None:
        if value[0] == "noop":
            self.counts["a no-op in a gap"] += 1
        elif value[0] == "command":
            first = slots.setdefault(tuple(value[1:3]), slot)
            self.counts["a command decided in two slots"] += first != slot
