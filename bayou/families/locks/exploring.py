"""What exploring a lock service needs: random scenarios, the conditions of their runs, what is worth seeing,
and a weak service on purpose."""

from __future__ import annotations

from bayou.families.locks.table import ALREADY, EXPIRE, NOT_YOURS, RELEASED, WAITING, Table
from bayou.families.log import knobs, weak
from bayou.families.log.generate import REST, Making
from bayou.families.log.sightings import ASKED_AGAIN
from bayou.families.log.sightings import SIGHTINGS as OF_LOGS
from bayou.families.log.sightings import Sightings as LogSightings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from bayou.families.planting import Patch, Plant
    from bayou.trace.file import Event
    from bayou.worlds.simulated.setup import Setup

__all__ = [
    "ASKED_AGAIN", "BUGS", "OUT_OF_REACH", "REST", "SIGHTINGS", "Sightings", "rest_s", "scenario",
    "setup_for",
]  # fmt: skip

RESULTS = {
    WAITING: "a lock that is waited for",
    RELEASED: "a lock given back",
    ALREADY: "a lock asked for again",
    NOT_YOURS: "a lock given back by somebody else",
}
SIGHTINGS = (
    *OF_LOGS,
    *RESULTS.values(),
    "a lock handed on",
    "a client that crashed",
    "a command of a crashed client, decided later",
    "an expiry",
    "an expired client's command, decided later",
)
LOCKS = 3
ELECTED_MS = 2000


class Locking:
    """What clients of a lock service do. ``expired``: the clients that were."""

    START = "startLocks"
    WEIGHTS: Mapping[str, int] = {"crash client": 1, "expire": 2, "crash sender": 1}

    def __init__(self) -> None:
        self._expired: list[int] = []
        self._last = 0

    def lines(self, verb: str, making: Making) -> list[str]:
        """Return what comes of a verb."""
        rng = making.rng
        if verb == "show":
            return ["printLocks"]
        if verb == "expire":
            left = [client for client in making.gone if client not in self._expired]
            return self._expire(rng.choice(left)) if left else []
        if verb == "cut off":
            return self._cut_off(making) if making.clients > 1 else []
        if verb == "stranded":
            making.gone.append(self._last)
            return [f"crashClient {self._last}", *self._expire(self._last)]
        if not making.alive:
            return []
        client = rng.choice(making.alive)
        if verb == "use":
            return self._use(client, making)
        made = [*self._use(client, making), *self._use(client, making)] if verb == "crash sender" else []
        making.gone.append(client)
        made.append(f"crashClient {client}")
        return [*made, *(self._expire(client) if rng.random() < 0.5 else [])]

    def _use(self, client: int, making: Making) -> list[str]:
        verb = making.rng.choice(("lock", "lock", "unlock"))
        self._last = client
        return [f"{verb} {client} {making.rng.randrange(LOCKS)}"]

    def _cut_off(self, making: Making) -> list[str]:
        """Server 0, which leads, accepts two commands that nobody else hears of. Their clients crash, and one
        is expired, in the slot that the first of the commands had; the second one is found after that."""
        first, second = making.rng.sample(range(making.clients), 2)
        making.gone += [first, second]
        others = " ".join(map(str, range(1, making.servers)))
        lines = [f"partition 0 | {others}", f"lock {first} 0", f"lock {second} 1", "wait 20"]
        lines += [f"crashClient {first}", f"crashClient {second}", "crashServer 0", "heal"]
        lines += [*self._expire(second), f"wait {ELECTED_MS}", "restartServer 0", "timeBombLeader 0"]
        return [*lines, f"wait {ELECTED_MS}"]

    def _expire(self, client: int) -> list[str]:
        self._expired.append(client)
        return [f"expireClient {client}"]

    def ending(self, making: Making) -> list[str]:
        """Return what prints all locks."""
        return ["printLocks", REST]


class Sightings(LogSightings):
    """Counts while a world runs."""

    def of(self, events: list[Event]) -> Counter[str]:
        """Return all counts, those of a trace added."""
        counts = super().of(events)
        gone: dict[int, None] = {}
        expired: dict[int, None] = {}
        known: dict[int, None] = {}
        held: dict[tuple[int, int], None] = {}
        for event in events:
            kind = event["event"]
            if kind == "result":
                held[event["client"], event["slot"]] = None
                if event["result"] in RESULTS:
                    counts[RESULTS[event["result"]]] += 1
            elif kind == "granted":
                counts["a lock handed on"] += (event["client"], event["slot"]) not in held
            elif kind == "crashed client":
                counts["a client that crashed"] += 1
                gone[event["client"]] = None
            elif kind == "told" and event["slot"] not in known and event["value"][0] == "command":
                known[event["slot"]] = None
                _, client, _, text = event["value"]
                counts["a command of a crashed client, decided later"] += client in gone
                counts["an expired client's command, decided later"] += client in expired
                if text.startswith(EXPIRE):
                    counts["an expiry"] += 1
                    expired[int(text.split()[1])] = None
        return counts


def scenario(seed: int, length: int) -> list[str]:
    """Return the lines of the random scenario with this seed."""
    return Making(Locking(), seed).make(length)


def setup_for(seed: int, bug: str | None = None) -> Setup:
    """Return the conditions under which the run with this seed takes place."""
    return knobs.setup_for("locks", seed, bug)


def rest_s(setup: Setup) -> float:
    """Return how long all may take to come to rest once faults have ended."""
    return knobs.rest_s("locks", setup)


def late_command_of_an_expired_client_applied(patch: Patch) -> None:
    """What a client had asked for before it was expired is carried out where it is decided after that."""

    def take(self: Table, slot: int, client: int, text: str) -> str:
        self._expired.clear()
        return original(self, slot, client, text)

    original = Table.take
    patch.setattr(Table, "take", take)


BUGS: dict[str, Plant] = {
    **weak.BUGS,
    "an expired client's late command applied": late_command_of_an_expired_client_applied,
}
OUT_OF_REACH = weak.OUT_OF_REACH
