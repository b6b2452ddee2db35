"""What can be set for a server."""

from __future__ import annotations

from bayou._record import Record
from bayou.core.sortedwrites import SHORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.items import Items

PARTNERS = ("random", "turn", "all")


class Limits(Record):
    """How large a part may grow, and how many parts are sent ahead of the receiver's word.

    ``characters`` counts keys and values; a single write may exceed it, and then makes a part alone.
    """

    items: int = 8192
    characters: int = 1 << 20
    parts_ahead: int = 4

    def part_end(self, items: Items, start: int) -> int:
        """Return the number of the first item that does not fit into a part that begins at ``start``."""
        committed, tentative = items.committed, items.tentative
        split = len(committed)
        stop = min(split + len(tentative), start + self.items)
        room = self.characters
        for at in range(start, stop):
            write = committed[at] if at < split else tentative[at - split]
            room -= len(write.key) + (len(write.value) if isinstance(write.value, str) else 0)
            if room < 0:
                return max(at, start + 1)
        return stop


class Habits(Record):
    """How a server gossips.

    - ``period_s``: how long from one periodic exchange to the next; ``jitter``: by what part of that,
      at random, it may be shorter or longer;
    - ``partners``: whom with: one at ``random``, each in ``turn``, or ``all`` every time;
    - ``round_s``: how long the primary waits to hear from everybody before it commits (next time it does not
      wait for whoever kept it waiting until then);
    - ``patience_s``: after how long without progress an exchange is begun again.
    """

    period_s: float = 0.1
    jitter: float = 0.3
    partners: str = "random"
    round_s: float = 0.5
    patience_s: float = 1.0


class Keep(Record):
    """How much of its past a server keeps, that keeps it in a file (bayou.node.upkeep).

    - ``writes``: so many of the latest committed writes stay in the log, None for all; ``age_s``: and all
      that are younger than that;
    - ``marks``: so many deletion marks stay, or a tenth of the rows where that is more;
    - ``fold_writes``: when so many writes are unfolded, or nothing has come for ``idle_s``, they are folded;
    - ``part_writes``, ``part_truncated``: how many are folded, or let go of, in one go.
    """

    writes: int | None = 100_000
    age_s: float = 0.0
    marks: int = 100_000
    fold_writes: int = 4000
    idle_s: float = 1.0
    part_writes: int = 200
    part_truncated: int = 10_000


class Settings(Record):
    """What can be set for a server: patience in seconds, and limits.

    ``retry_s``: after this time without an answer a message is sent again; ``round_patience_s``: after
    this time a round of the lock-step is given up, for the master to begin another (rounds of gossip:
    Habits.round_s); ``sessions_max``: how many sessions' last answers are remembered; ``short_max``: see
    bayou.core.sortedwrites.

    ``habits``: how it gossips, None where rounds are ordered instead; ``wall_offset_s``: what to add to the
    time that it is told to get the wall clock's, for a hybrid clock; None for a logical one.

    ``keep``: how much of its past it keeps, None where it never shortens that by itself.
    """

    retry_s: float = 1.0
    round_patience_s: float = 10.0
    sessions_max: int = 10_000
    short_max: int = SHORT
    limits: Limits = Limits()
    habits: Habits | None = None
    wall_offset_s: float | None = None
    keep: Keep | None = None
