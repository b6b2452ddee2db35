"""What a history of a consensus log amounts to as a whole: what was asked, decided and applied, by slot.

Values are tuples here: ``("noop",)``, ``("members", (ids))``, ``("command", client, number, text)``; ballots
are pairs of number and node.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from bayou.check.history import HistoryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Event = dict[str, Any]
    Ballot = tuple[int, int]
    Value = tuple[Any, ...]
    CommandId = tuple[int, int]

NOBODY: tuple[int, ...] = ()


def value_of(plain: Any) -> Value:
    """Return a value as it stands in an event as one that can be compared and looked up."""
    kind = plain[0]
    if kind == "members":
        return kind, tuple(plain[1])
    if kind not in ("noop", "command") or len(plain) != (1 if kind == "noop" else 4):
        raise HistoryError(f"{str(plain)[:40]} is no value of a log")
    return tuple(plain)


def show_value(value: Value | None) -> str:
    """Return a value as people read it."""
    if value is None:
        return "nothing"
    if value[0] == "noop":
        return "a no-op"
    if value[0] == "members":
        return f"members {', '.join(map(str, value[1]))}"
    return f"{value[3]!r} ({show_command(value[1:3])})"


def show_command(command: tuple[Any, ...]) -> str:
    """Return a client's command, by client and number, as people read it."""
    return f"number {command[1]} of client {command[0]}"


class Decrees:
    """What all events say, whichever came first: those of different servers come in any order.

    - ``is_cut_off``: processes did not tell all that they had to tell;
    - ``initial``: the first members; ``clients``: who has a view; ``window``: how many slots after the one of
      a new list it holds; ``is_in_order``: the events stand in the order in which they happened, at whichever
      server (a simulated world can say so);
    - ``log``: the value of each slot, as it was first told, and by which event;
    - ``asked``: the text of each command that a client sent; ``applied``: which command in which slot, by
      whoever said so first, and ``in_order_applied``, those slots in order.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.initial: tuple[int, ...] = NOBODY
        self.clients: tuple[int, ...] = ()
        self.window = 1
        self.is_in_order = self.is_cut_off = False
        self.log: dict[int, tuple[int, Value]] = {}
        self.asked: dict[CommandId, str] = {}
        self.applied: dict[int, CommandId] = {}
        self._values: dict[int, Value] = {}
        votes: dict[tuple[int, int], Value] = {}
        for at, event in enumerate(events, start=1):
            kind = event["event"]
            if kind == "accepted":
                votes[event["server"], event["slot"]] = value_of(event["value"])
            elif kind in ("decided", "told"):
                slot = event["slot"]
                value = value_of(event["value"]) if "value" in event else votes.get((event["server"], slot))
                if value is not None:
                    self._values[at] = value
                    self.log.setdefault(slot, (at, value))
            elif kind in ("began", "ended"):
                self.is_cut_off = kind == "began" and event.get("world") == "processes"
            elif kind == "applied":
                self.applied.setdefault(event["slot"], (event["client"], event["number"]))
            elif kind == "asked":
                self.asked[event["client"], event["number"]] = event["text"]
            elif kind == "started":
                self.initial, self.clients = tuple(event["servers"]), tuple(event["clients"])
                self.window, self.is_in_order = event["window"], event.get("in_order") is True
        self.in_order_applied = sorted(self.applied)
        lists = sorted((slot, value[1]) for slot, (_, value) in self.log.items() if value[0] == "members")
        self._from = [slot + self.window for slot, _ in lists]
        self._lists: list[tuple[int, ...]] = [self.initial, *(members for _, members in lists)]

    def value_at(self, at: int) -> Value | None:
        """Return which value the event ``at`` says is decided: without one, what its server had accepted;
        None where that is nothing."""
        return self._values.get(at)

    def members_of(self, slot: int) -> tuple[int, ...]:
        """Return the members of a slot: of the last list decided a window before it, or further back."""
        return self._lists[bisect_right(self._from, slot)]

    def place_of(self, slot: int) -> int:
        """Return how many of the slots that anybody applied lie below this one."""
        return bisect_left(self.in_order_applied, slot)

    def last_change(self, known: Iterable[int]) -> tuple[int, tuple[int, ...]] | None:
        """Return from which slot on the last list among these decided slots holds, and the list; None where
        there is none."""
        last = max((slot for slot in known if self.log[slot][1][0] == "members"), default=None)
        if last is None:
            return None
        members: tuple[int, ...] = self.log[last][1][1]
        return last + self.window, members
