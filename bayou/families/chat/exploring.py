"""What exploring a chat needs: random scenarios, the conditions of their runs, what is worth seeing in them,
and a weak chat on purpose."""

from __future__ import annotations

from bayou.families.log import knobs
from bayou.families.log.generate import REST, Making
from bayou.families.log.sightings import ASKED_AGAIN
from bayou.families.log.sightings import SIGHTINGS as OF_LOGS
from bayou.families.log.sightings import Sightings as LogSightings
from bayou.families.log.weak import BUGS, OUT_OF_REACH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from bayou.trace.file import Event
    from bayou.worlds.simulated.setup import Setup

__all__ = [
    "ASKED_AGAIN", "BUGS", "OUT_OF_REACH", "REST", "SIGHTINGS", "Sightings", "rest_s", "scenario",
    "setup_for",
]  # fmt: skip

SIGHTINGS = (*OF_LOGS, "a slot left empty", "a message held back by a gap")
SLOTS_AHEAD = 12


class Chatting:
    """What clients of a chat do."""

    START = "start"
    WEIGHTS: Mapping[str, int] = {"skip": 2}

    def lines(self, verb: str, making: Making) -> list[str]:
        """Return what comes of a verb."""
        rng = making.rng
        if verb in ("stranded", "cut off"):
            return []
        if verb == "skip":
            slots = sorted(rng.randint(0, making.sent + SLOTS_AHEAD) for _ in range(rng.randint(1, 4)))
            return [f"skipSlots {','.join(map(str, slots))}"]
        client = rng.randrange(making.clients)
        if verb == "show":
            return [f"printChatLog {client}"]
        making.sent += 1
        return [f"sendMessage {client} m{making.sent}"]

    def ending(self, making: Making) -> list[str]:
        """Return what prints all views."""
        return [f"printChatLog {client}" for client in range(making.clients)]


class Sightings(LogSightings):
    """Counts while a world runs."""

    def of(self, events: list[Event]) -> Counter[str]:
        """Return all counts, those of a trace added."""
        counts = super().of(events)
        known: dict[int, dict[int, None]] = {}
        delivered: dict[int, int] = {}
        for event in events:
            if event["event"] == "skipped":
                counts["a slot left empty"] += 1
            elif event["event"] == "told":
                told = known.setdefault(event["client"], {})
                told[event["slot"]] = None
                first = delivered.get(event["client"], 0)
                while first in told:
                    first += 1
                delivered[event["client"]] = first
                if event["slot"] > first:
                    counts["a message held back by a gap"] += 1
        return counts


def scenario(seed: int, length: int) -> list[str]:
    """Return the lines of the random scenario with this seed."""
    return Making(Chatting(), seed).make(length)


def setup_for(seed: int, bug: str | None = None) -> Setup:
    """Return the conditions under which the run with this seed takes place."""
    return knobs.setup_for("chat", seed, bug)


def rest_s(setup: Setup) -> float:
    """Return how long all may take to come to rest once faults have ended."""
    return knobs.rest_s("chat", setup)
