"""How a server that lasts keeps its past short (Petersen '97, "Write-log truncation"): it folds what is
committed into its base, lets go of the log behind that, and of old deletion marks.

Only where its settings ask for it. A little at a time: nobody waits for longer than that takes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque

    from bayou.core.name import Name
    from bayou.node.context import Context
    from bayou.node.settings import Keep
else:
    from _collections import deque  # the C half: see docs/decisions/0002-start-time.md


class Upkeep:
    """Looks after the past of a replica: when much is unfolded, or nothing has come for a while.

    ``_ages``: when which CSN was folded.
    """

    UNCOMPARED = ("_ages", "_looked_csn", "_moved_at", "_server", "due")

    def __init__(self, server: Context, keep: Keep) -> None:
        self._server = server
        self._keep = keep
        self._ages: deque[tuple[float, int]] = deque()
        self._moved_at = 0.0
        self._looked_csn = 0
        self._is_folding = False
        self.due: float | None = None

    # What the server tells.

    def moved(self) -> None:
        """Called after each input that changed the replica."""
        self._moved_at = self._server.now
        self._plan()

    def on_due(self) -> None:
        """Do the next piece of what there is to do."""
        replica, keep, now = self._server.replica, self._keep, self._server.now
        log = replica.log
        if self._is_folding or self._wants_to_fold():
            start = log.start
            end = replica.fold(rows_max=keep.part_writes)
            self._is_folding = end > start and self._unfolded > 0
            if end > start:
                self._ages.append((now, end))
            if self._is_folding:
                self.due = now
                return
        omitted = log.past.omitted_csn
        target = self._truncatable()
        if target > omitted:
            replica.truncate(min(target, omitted + keep.part_truncated))
            if target > log.past.omitted_csn:
                self.due = now
                return
        self._drop_marks()
        self.due = None
        self._plan()

    @property
    def held_back_by(self) -> str:
        """What keeps the log from being shorter, in words."""
        replica, writes = self._server.replica, self._keep.writes
        if writes is None:
            return "all writes are to stay"
        if replica.log.past.omitted_csn == replica.csn:
            return "nothing"
        slowest = self._slowest()
        if slowest is None or slowest[1] >= replica.csn:
            return "what is still to be folded, or let go of"
        name, csn = slowest
        stands = f"which stands at CSN {csn}" if name in self._server.heard else "which was never heard of"
        return f"the last {writes} writes are to stay, and server {name}, {stands}"

    # How it works.

    @property
    def _unfolded(self) -> int:
        """How many writes could be folded: those beyond the boundary wait for the rest of their decree."""
        replica = self._server.replica
        return max(0, min(replica.boundary, replica.csn) - replica.log.start)

    def _wants_to_fold(self) -> bool:
        unfolded = self._unfolded
        is_idle = self._server.now >= self._moved_at + self._keep.idle_s
        return unfolded >= self._keep.fold_writes or (is_idle and unfolded > 0)

    def _plan(self) -> None:
        """Look again as soon as there is much to fold, or when nothing has come for a while."""
        unfolded = self._unfolded
        if not unfolded:
            return
        now = self._server.now
        when = now if unfolded >= self._keep.fold_writes else self._moved_at + self._keep.idle_s
        if self.due is None or when < self.due or when > self.due > now:
            self.due = max(when, now)

    def _truncatable(self) -> int:
        """Return up to where the log may go: it keeps the latest writes and the young ones, but those that
        every server is known to have go sooner."""
        keep, replica = self._keep, self._server.replica
        if keep.writes is None:
            return 0
        target = replica.csn - keep.writes
        if keep.age_s:
            while len(self._ages) > 1 and self._ages[1][0] <= self._server.now - keep.age_s:
                self._ages.popleft()
            is_old = self._ages and self._ages[0][0] <= self._server.now - keep.age_s
            target = min(target, self._ages[0][1] if is_old else 0)
        else:
            self._ages.clear()
        slowest = self._slowest()
        known = replica.csn if slowest is None else slowest[1]
        return min(max(target, known), replica.past.base.csn)

    def _slowest(self) -> tuple[Name, int] | None:
        """Return the server that is known to have least, and up to which CSN; None where there is no other
        one."""
        replica, heard = self._server.replica, self._server.heard
        others = [name for name in replica.vector.names if name is not replica.name]
        stands = [(name, heard[name][0] if name in heard else 0) for name in others]
        return min(stands, key=lambda stand: stand[1], default=None)

    def _drop_marks(self) -> None:
        """Let the older half of the marks go where there are too many: marks stay longer than the log, or
        what changed since a CSN could not be told by rows."""
        past, kept = self._server.replica.past, self._keep.marks
        if past.base.csn < self._looked_csn + kept // 16 + 1:
            return
        self._looked_csn = past.base.csn
        if past.mark_csn(kept) is None:
            return
        kept = max(kept, past.row_count() // 10)
        if past.mark_csn(kept) is not None:
            half = past.mark_csn(kept // 2)
            self._server.replica.drop_marks(min(half or 0, past.omitted_csn))
