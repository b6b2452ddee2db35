"""How a server finds out that it has forgotten something.

What a server told others was durable first. So where others know more of it than it does itself, what it was
restored from is older than what it told them: a copy, or a log that lost its end. It must not go on: it would
give the same stamps, or the same CSNs, to other writes.
"""

from __future__ import annotations

from bayou.core.vector import RETIRED
from bayou.node.messages import AntiEntropy, BaseRows, News, Pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.replica import Replica
    from bayou.core.vector import VersionVector
    from bayou.machine.messages import Message


def heard_of(message: Message) -> tuple[int, VersionVector] | None:
    """Return where the server stands that has sent this, its CSN and vector, None where that does not
    tell."""
    if isinstance(message, Pull | News):
        return message.csn, message.vector
    if isinstance(message, AntiEntropy) and message.end is not None:
        return message.end.csn, message.end.vector
    return None


def forgotten(replica: Replica, message: Message) -> str | None:
    """Return what this member has forgotten, by what another server says; None where that shows nothing."""
    own = replica.vector.completed(replica.name)
    stands = heard_of(message)
    if stands is not None:
        csn, vector = stands
        theirs = vector.completed(replica.name)
        if theirs > own:
            return (
                "its own retirement"
                if theirs == RETIRED
                else f"what it accepted from stamp {own + 1} to {theirs}"
            )
        if replica.is_primary and csn > replica.csn:
            return f"what it committed from CSN {replica.csn + 1} to {csn}"
    if isinstance(message, BaseRows) and message.end is not None:
        theirs = message.end.vector.completed(replica.name)
        if theirs > own:
            return "what is in its base, and comes from this server"
    if isinstance(message, AntiEntropy):
        name = replica.name
        for writes in (message.items.committed, message.items.tentative):
            for write in writes:
                if write.server is name and write.stamp > own:
                    return f"a write that it accepted with stamp {write.stamp}"
    return None
