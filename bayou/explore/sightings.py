"""What was worth seeing in a run: a campaign that never saw one of these proves less than it seems to."""

from __future__ import annotations

from collections import Counter

from bayou.node.messages import AntiEntropy, HandOver, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.node.messages import Message
    from bayou.trace.file import Event
    from bayou.worlds.simulated import SimulatedWorld

SIGHTINGS = (
    "a message lost",
    "a message doubled",
    "a request sent again",
    "an exchange in several parts",
    "an exchange cut half way",
    "a hand-over resent",
    "a read refused",
    "a write refused",
    "a marking that reordered tentative writes",
    "a retirement while partitioned",
    "the primary's duty handed on",
    "a crash",
    "a crash that lost what was not durable",
    "a restart",
    "a command given up",
    "a read of a tentative write",
)


class Sightings:
    """Counts while a world runs."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.messages = 0
        self._counts: Counter[str] = Counter()
        self._offers: set[tuple[int, int, int]] = set()
        self._requests: set[tuple[int, int]] = set()
        world.watcher = self

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        """A message was sent, and arrives so many times."""
        self.messages += 1
        if arrivals != 1:
            self._counts["a message lost" if not arrivals else "a message doubled"] += 1
        if isinstance(message, AntiEntropy):
            self._counts["an exchange in several parts"] += message.end is None
        elif isinstance(message, HandOver):
            offer = sender, receiver, message.token
            self._counts["a hand-over resent"] += offer in self._offers
            self._offers.add(offer)
        elif isinstance(message, Request):
            request = message.session, message.number
            self._counts["a request sent again"] += request in self._requests
            self._requests.add(request)

    def cut(self, message: Message) -> None:
        """A connection was cut while this was on its way."""
        self._counts["an exchange cut half way"] += isinstance(message, AntiEntropy)

    def lost(self) -> None:
        """A crash lost what a server had not made durable."""
        self._counts["a crash that lost what was not durable"] += 1

    def of(self, events: list[Event]) -> Counter[str]:
        """Return all counts, those of a trace added."""
        counts = self._counts
        tentative: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        cut: set[int] = set()
        for event in events:
            kind = event["event"]
            if kind == "served" and event["verdict"] != "ok":
                counts["a read refused" if event["kind"] == "get" else "a write refused"] += 1
            elif kind == "log":
                self._look_at_log(event, tentative.setdefault(event["server"], []))
            elif kind == "crashed":
                counts["a crash"] += 1
            elif kind == "restarted":
                counts["a restart"] += 1
            elif kind == "gave up":
                counts["a command given up"] += 1
            elif kind == "command":
                words = event["text"].split()
                if words[0] in ("partition", "breakConnection"):
                    cut.add(1)
                elif words[0] == "heal":
                    cut.clear()
                elif words[0] == "retireServer" and cut:
                    counts["a retirement while partitioned"] += 1
            elif kind == "served" and event["kind"] == "get" and tentative.get(event["server"]):
                counts["a read of a tentative write"] += 1
        return counts

    def _look_at_log(self, event: Event, tentative: list[tuple[int, tuple[int, ...]]]) -> None:
        for write in event["committed"]:
            id = (write[0], tuple(write[1]))
            if id in tentative:
                if tentative and id != min(tentative):
                    self._counts["a marking that reordered tentative writes"] += 1
                tentative.remove(id)
            self._counts["the primary's duty handed on"] += write[2] == "retirement" and len(write) > 3
        tentative += [(write[0], tuple(write[1])) for write in event["tentative"]]
