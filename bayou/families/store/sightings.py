"""What was worth seeing in a run: a campaign that never saw one of these proves less than it seems to."""

from __future__ import annotations

from collections import Counter

from bayou.core.write import CHANGE, GROUP, RETIREMENT
from bayou.families.store.transfers import OF_BASES, OF_TRANSFERS, Transfers
from bayou.node.messages import (
    GAP,
    TURNED_DOWN,
    AntiEntropy,
    CanImport,
    HandOver,
    Importable,
    Imported,
    Pull,
    Request,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.machine.messages import Message
    from bayou.trace.file import Event
    from bayou.worlds.simulated import SimulatedWorld

OF_FILES = (
    "writes taken from a file",
    "a base taken from a file",
    "a file with a gap before it",
    "a file that assumes what its reader has not",
)

OF_CHANGES = (
    "a general write that was merged",
    "a general write of which nothing fitted",
    "an outcome that changed",
    "a general write that is in no log any more",
    "rows with a tentative one among them",
    "a general write that calls a function",
    "a general write that was turned down",
)

OF_GROUPS = (
    "a commit group of several",
    "a decree accepted",
    "a decree taken over by another leader",
    "a second ballot in an epoch",
    "changes of the group behind each other's back",
    "a member that left its group and retired",
)

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
    "a pull that comes twice",
    "a crash in the middle of a command",
    "an id used again",
    "a request of unknown outcome",
    "a run in lock-step",
    *OF_BASES,
    *OF_TRANSFERS,
    *OF_FILES,
    *OF_CHANGES,
    *OF_GROUPS,
    "a log let go of unasked",
)

ASKED_AGAIN = "asked again though nothing was lost"
"""Progress that only a retry brought, in a run in which no message was lost, overtaken or very late: not
wrong, but slow, and so worth a look. Counted by what was asked for again."""

LOSING = ("loss", "delay", "reorder")


class Sightings:
    """Counts while a world runs."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.messages = 0
        self._counts: Counter[str] = Counter()
        self._outcomes: dict[str, int] = {}
        self._offers: set[tuple[int, int, int]] = set()
        self._requests: set[tuple[int, int]] = set()
        self._asked_again: Counter[str] = Counter()
        self._transfers = Transfers(world)
        self._files: dict[int, CanImport] = {}
        world.watcher = self
        world.overhear = self.overheard

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        """A message was sent, and arrives so many times."""
        self.messages += 1
        if arrivals != 1:
            self._counts["a message lost" if not arrivals else "a message doubled"] += 1
        self._transfers.sent(sender, receiver, message)
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

        elif isinstance(message, Pull):
            self._counts["a pull that comes twice"] += arrivals > 1

    def overheard(self, node: int, message: Message) -> None:
        """A node was given an order, or has answered one."""
        if isinstance(message, CanImport):
            self._files[node] = message
        elif isinstance(message, Imported):
            self._counts["writes taken from a file"] += message.new > 0
            self._counts["a base taken from a file"] += message.installed
        elif isinstance(message, Importable) and message.verdict == GAP:
            is_behind = self._files[node].csn > message.csn
            assumes = "a file that assumes what its reader has not"
            self._counts["a file with a gap before it" if is_behind else assumes] += 1

    def asked_again(self, what: str) -> None:
        """A node asked for something a second time, as no answer came in time."""
        self._asked_again[f"{ASKED_AGAIN}: {what}"] += 1

    def cut(self, message: Message) -> None:
        """A connection was cut while this was on its way."""
        self._counts["an exchange cut half way"] += isinstance(message, AntiEntropy)
        self._transfers.cut(message)

    def lost(self) -> None:
        """A crash lost what a server had not made durable."""
        self._counts["a crash that lost what was not durable"] += 1

    def of(self, events: list[Event]) -> Counter[str]:
        """Return all counts, those of a trace added."""
        counts = self._counts
        counts += self._transfers.counts
        counts += self._transfers.of(events)
        counts += _of_groups(events)
        tentative: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        names: dict[int, list[int]] = {}
        asked: list[str] = []
        for event in events:
            kind = event["event"]
            if kind == "served":
                is_read = event["kind"] in ("get", "rows", "outcome")
                refused = "a read refused" if is_read else "a write refused"
                counts[refused] += event["verdict"] not in ("ok", TURNED_DOWN)
                counts["a general write that was turned down"] += event["verdict"] == TURNED_DOWN
                self._look_at_change(event)
                is_read = event["kind"] == "get" and event["verdict"] == "ok"
                counts["a read of a tentative write"] += is_read and bool(tentative.get(event["server"]))
            elif kind == "log":
                self._look_at_log(event, tentative.setdefault(event["server"], []))
            elif kind == "named":
                before = names.setdefault(event["server"], event["name"])
                counts["an id used again"] += before != event["name"]
                tentative.pop(event["server"], None)
            elif kind == "command":
                asked = event["text"].split()
            elif kind == "truncated":
                is_asked = asked[:2] == ["truncateLog", str(event["server"])]
                counts["a log let go of unasked"] += not is_asked
            elif kind == "crashed":
                counts["a crash"] += 1
                counts["a crash in the middle of a command"] += "t" in event
            elif kind == "restarted":
                counts["a restart"] += 1
            elif kind == "gave up":
                counts["a request of unknown outcome" if "client" in event else "a command given up"] += 1
            elif kind == "began":
                counts["a run in lock-step"] += not event["free_running"]
        commands = [event["text"].split() for event in events if event["event"] == "command"]
        self._look_at_commands(commands)
        if not any(words[0] in LOSING and words[-1] != "0" for words in commands):
            counts += self._asked_again
        return counts

    def _look_at_commands(self, commands: list[list[str]]) -> None:
        is_cut = False
        for name, *_ in commands:
            if name in ("partition", "breakConnection"):
                is_cut = True
            elif name == "heal":
                is_cut = False
            elif name == "retireServer":
                self._counts["a retirement while partitioned"] += is_cut

    def _look_at_change(self, event: Event) -> None:
        """What is told of a general write, or of rows."""
        if event["verdict"] != "ok":
            return
        counts = self._counts
        if event["kind"] == "rows":
            counts["rows with a tentative one among them"] += not all(mark for _, _, mark in event["read"])
        elif event["kind"] == "outcome":
            state, outcome, _ = event["read"]
            counts["a general write that is in no log any more"] += state == "committed" and outcome is None
            if outcome is not None:
                counts["a general write that was merged"] += outcome > 0
                counts["a general write of which nothing fitted"] += outcome < 0
                write = str(event["write"])
                counts["an outcome that changed"] += self._outcomes.setdefault(write, outcome) != outcome

    def _look_at_log(self, event: Event, tentative: list[tuple[int, tuple[int, ...]]]) -> None:
        for write in (*event["committed"], *event["tentative"]):
            body = write[3] if write[2] == CHANGE and len(write) > 3 else {}
            self._counts["a general write that calls a function"] += "call" in body
        for write in event["committed"]:
            id = (write[0], tuple(write[1]))
            if id in tentative:
                if tentative and id != min(tentative):
                    self._counts["a marking that reordered tentative writes"] += 1
                tentative.remove(id)
            self._counts["the primary's duty handed on"] += write[2] == RETIREMENT and len(write) > 3
        tentative += [(write[0], tuple(write[1])) for write in event["tentative"]]


def _of_groups(events: list[Event]) -> Counter[str]:
    """Return what the events of a trace tell of commit groups."""
    counts: Counter[str] = Counter()
    named: dict[int, list[int]] = {}
    leaders: dict[tuple[int, int], list[int]] = {}
    changes: dict[int, list[Any]] = {}
    voters: list[list[int]] = []
    for event in events:
        if event["event"] == "named":
            named[event["server"]] = event["name"]
        elif event["event"] == "voted":
            counts["a second ballot in an epoch"] += event["ballot"][0] > 1
            if named[event["server"]] not in voters:
                voters.append(named[event["server"]])
            if event["accepted"] is not None:
                ballot, base, _ = event["accepted"]
                counts["a decree accepted"] += 1
                leader = leaders.setdefault((event["epoch"], base), ballot[1])
                counts["a decree taken over by another leader"] += leader != ballot[1]
        elif event["event"] == "log":
            for write in (*event["committed"], *event["tentative"]):
                if write[2] == GROUP:
                    counts["a commit group of several"] += len(write[4]) > 1
                    change = changes.setdefault(write[3], write)
                    counts["changes of the group behind each other's back"] += change != write
                elif write[2] == RETIREMENT:
                    counts["a member that left its group and retired"] += write[1] in voters
    return counts
