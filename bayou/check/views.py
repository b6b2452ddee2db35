"""What the log of a server makes of rows, worked out anew from its beginning, general writes included."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from bayou.check.calls import Given, Untold
from bayou.check.changes import CONFLICT, GONE, executed, overlaid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from bayou.check.changes import Rows
    from bayou.check.facts import Server
    from bayou.check.history import Name, Row, Write, WriteId

CONFLICTS = "!conflicts"


@dataclass(slots=True)
class Made:
    """What writes make, one after another: the rows, which of them committed writes gave their values, and
    what each general write came to. ``is_told``: whether the trace tells all that is needed for that, with
    the functions ``given`` that writes call."""

    values: Rows = field(default_factory=dict)
    committed: dict[Row, bool] = field(default_factory=dict)
    outcomes: dict[WriteId, int] = field(default_factory=dict)
    is_told: bool = True
    given: Given = field(default_factory=Given)

    def copy(self) -> Made:
        """Return one that goes on from here."""
        return Made(dict(self.values), dict(self.committed), dict(self.outcomes), self.is_told, self.given)

    def take(self, write: Write, *, is_committed: bool) -> None:
        """Carry out the next write."""
        changes: dict[Row, Any] = {}
        if write.kind == "untold":
            self.is_told = False
        elif write.kind == "change":
            body = json.loads(write.value or "{}")
            try:
                outcome, changes = executed(body, self.values, self.given)
            except Untold:
                self.is_told = False
                return
            self.outcomes[write.id] = outcome
            if outcome == CONFLICT:
                changes = {(CONFLICTS, conflict_key(write.id)): body}
        elif write.row is not None:
            changes = {write.row: GONE if write.value is None else json.loads(write.value)}
        self.values = overlaid(self.values, changes)
        for row in changes:
            self.committed[row] = is_committed


class Views:
    """The views of all servers. What is committed at each is kept, as far as it was looked at."""

    def __init__(self, writes: dict[WriteId, Write], given: Given) -> None:
        self._writes = writes
        self._given = given
        self._committed: dict[Server, tuple[int, Made]] = {}

    def committed(self, server: Server) -> Made:
        """Return what the committed prefix of a server makes, as it stands."""
        done, made = self._committed.get(server) or (0, Made(given=self._given))
        self._take(made, server.committed[done:], is_committed=True)
        self._committed[server] = len(server.committed), made
        return made

    def full(self, server: Server) -> Made:
        """Return what the log of a server makes, as it stands."""
        made = self.committed(server).copy()
        self._take(made, sorted(server.tentative), is_committed=False)
        return made

    def _take(self, made: Made, ids: Iterable[WriteId], *, is_committed: bool) -> None:
        for id in ids:
            made.take(self._writes[id], is_committed=is_committed)


def conflict_key(id: WriteId) -> str:
    """Return the key of the row that tells of a write of which nothing fitted."""
    stamp, name = id
    server: Name = name
    return f"{stamp:020}:{','.join(f'{part:020}' for part in server)}"
