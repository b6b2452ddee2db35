"""What the master has a server show, beside all sessions: its log, and whether a write is a conflict."""

from __future__ import annotations

from bayou.core.errors import require
from bayou.core.items import Items
from bayou.core.rows import CONFLICTS
from bayou.core.write import CHANGE
from bayou.node.messages import Conflict, IsConflict, LogPage, ReadLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.replica import Replica
    from bayou.node.settings import Limits

    Order = ReadLog | IsConflict

ORDERS = (ReadLog, IsConflict)


def show(replica: Replica, order: Order, limits: Limits) -> LogPage | Conflict:
    """Return what an order asks to see."""
    if isinstance(order, IsConflict):
        from bayou.core.execute import conflict_key

        key = conflict_key(order.stamp, order.server)
        return Conflict(replica.get(CONFLICTS, key) is not None)
    log = replica.log
    writes, committed = log.page(order.start, order.count)
    writes = writes[: limits.part_end(Items(0, writes, []), 0)]
    outcomes: list[int] = []
    for csn, write in enumerate(writes, log.past.omitted_csn + order.start + 1):
        if write.kind == CHANGE:
            is_committed = csn <= log.csn
            result = replica.result_at(csn) if is_committed else replica.database.result(write)
            require(result is not None, f"nobody knows what came of {write}")
            outcomes.append(result[0])  # type: ignore[index]
    return LogPage(tuple(writes), min(committed, len(writes)), len(log), tuple(outcomes))
