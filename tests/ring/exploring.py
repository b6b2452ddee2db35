"""Random scenarios of a ring, with crashes and losses, and two bugs to plant."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from bayou.worlds.simulated.setup import Setup
from tests.ring.member import Member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.families.planting import Patch
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.trace.file import Event
    from bayou.worlds.simulated import SimulatedWorld

REST = "allRest"
ASKED_AGAIN = "passed on again though nothing was lost"
SIGHTINGS = ("a message lost", "a crash in the middle of a command", "a restart")


def scenario(seed: int, length: int) -> list[str]:
    """Return the lines of the random scenario with this seed."""
    rng = random.Random(f"ring {seed}")
    size = rng.randint(2, 5)
    lines = [f"startRing {size}"]
    down: list[int] = []
    while len(lines) < length:
        verb = rng.choice(("pass", "pass", "pass", "crashSoon", "crash", "restart", "wait", "lossRate"))
        up = [server for server in range(size) if server not in down]
        if verb == "pass":
            lines.append(f"pass {rng.randint(1, 4)}")
        elif verb in ("crash", "crashSoon") and len(up) > 1:
            server = rng.choice(up)
            down.append(server)
            lines.append(
                f"crashServer {server}" if verb == "crash" else f"crashSoon {server} {rng.randint(0, 9)}"
            )
        elif verb == "restart" and down:
            lines.append(f"restartServer {down.pop(rng.randrange(len(down)))}")
        elif verb == "wait":
            lines.append(f"wait {rng.choice((1, 5, 50))}")
        elif verb == "lossRate":
            lines.append(f"lossRate {rng.choice((0, 20, 50))}")
    return [
        *lines,
        "lossRate 0",
        *(f"restartServer {server}" for server in sorted(down)),
        REST,
        "printCounter",
    ]


def setup_for(seed: int, bug: str | None = None) -> Setup:
    """Return the conditions under which the run with this seed takes place."""
    rng = random.Random(f"ring knobs {seed}")
    families = {"ring": {"retry_s": rng.choice((0.02, 0.1))}}
    return Setup(seed, True, 3.0, families, flush_s=rng.choice((0.0, 0.002)), bug=bug)


class Sightings:
    """Counts what was worth seeing."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.messages = 0
        self._counts: Counter[str] = Counter()
        world.watcher = self

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        self.messages += 1
        self._counts["a message lost"] += not arrivals

    def asked_again(self, what: str) -> None:
        pass

    def cut(self, message: Message) -> None:
        pass

    def lost(self) -> None:
        pass

    def of(self, events: list[Event]) -> Counter[str]:
        """Return all counts."""
        for event in events:
            self._counts["a restart"] += event["event"] == "restarted"
            self._counts["a crash in the middle of a command"] += event["event"] == "crashed" and "t" in event
        return self._counts


def giving_is_not_durable(patch: Patch) -> None:
    """A member that crashes does not know any more that it gave the counter away."""

    def restore(self: Member, records: Iterable[Durable]) -> None:
        original(self, [record for record in records if getattr(record, "to", None) is None])

    original = Member.restore
    patch.setattr(Member, "restore", restore)


def confirms_what_it_forgets(patch: Patch) -> None:
    """A member confirms that it has the counter before that is durable, and so may not have it."""

    def step(self: Member, now: float, given: object) -> object:
        effects = original(self, now, given)  # type: ignore[arg-type]
        if effects.sends:
            effects.durable.clear()
        return effects

    original = Member.step
    patch.setattr(Member, "step", step)


BUGS = {
    "a ring that forgets what it gave away": giving_is_not_durable,
    "a ring that confirms before it is durable": confirms_what_it_forgets,
}
OUT_OF_REACH: dict[str, object] = {}
