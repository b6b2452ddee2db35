"""A slow, obvious twin of general writes: it executes everything from the start, in order.

What a body does on given rows it asks the judge's interpreter (bayou.check.changes), which was written from
the specification alone and shares nothing with the store. Of that it knows what a write is, and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bayou.check.changes import CONFLICT, GONE, executed, overlaid, written
from bayou.check.views import conflict_key
from bayou.core.write import CHANGE, DELETE, PUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.core.name import Name
    from bayou.core.write import Write

Row = tuple[str, str]
Place = tuple[int, "Name"]
Rows = dict[Row, Any]
Changes = dict[Row, Any]


@dataclass(frozen=True)
class Cell:
    """A row as it is seen: its value in canonical form, whether the write that gave it that value is
    committed, and the place of that write."""

    value: str
    committed: bool
    place: Place


@dataclass(frozen=True)
class State:
    """What some writes make, in their order: rows with their values, who gave them, and of general writes the
    outcomes, and which rows they changed."""

    values: Rows = field(default_factory=dict)
    givers: dict[Row, tuple[Place, bool]] = field(default_factory=dict)
    outcomes: dict[Place, int] = field(default_factory=dict)
    changed: dict[Place, list[Row]] = field(default_factory=dict)

    def after(self, write: Write, *, committed: bool) -> State:
        """Return what there is after one write more."""
        if write.kind not in (PUT, DELETE, CHANGE):
            return self
        outcomes, changed = self.outcomes, self.changed
        if write.kind == CHANGE:
            assert isinstance(write.value, str)
            body = parsed(write.value)
            outcome, changes = executed(body, self.values)
            outcomes = {**outcomes, write.place: outcome}
            if outcome == CONFLICT:
                changes = {("!conflicts", conflict_key((write.stamp, write.server.stamps))): body}
            changed = {**changed, write.place: sorted(changes)}
        elif write.kind == PUT:
            assert isinstance(write.value, str)
            changes = {(write.collection, write.key): parsed(write.value)}
        else:
            changes = {(write.collection, write.key): GONE}
        givers = dict(self.givers)
        for row in changes:
            givers[row] = (write.place, committed)
        return State(overlaid(self.values, changes), givers, outcomes, changed)

    def cells(self) -> dict[Row, Cell]:
        """Return the rows as they are seen, in order of collection and key."""
        found = {}
        for row in sorted(self.values):
            place, committed = self.givers[row]
            found[row] = Cell(written(self.values[row]), committed, place)
        return found


def replayed(state: State, writes: Iterable[Write], *, committed: bool) -> State:
    """Return what there is after these writes, in this order."""
    for write in writes:
        state = state.after(write, committed=committed)
    return state


@lru_cache(maxsize=4096)
def parsed(text: str) -> Any:
    """Return what a text says. Nobody changes it: each value that differs is made anew."""
    return json.loads(text)
