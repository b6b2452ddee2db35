"""How a server finds out that it has forgotten something.

What a server told others was durable first. So where others know more of it than it does itself, what it was
restored from is older than what it told them: a copy, or a log that lost its end. It must not go on: it would
give the same stamps, or the same CSNs, to other writes, or vote against what it has voted for.
"""

from __future__ import annotations

from bayou.core.vector import RETIRED
from bayou.node.messages import AntiEntropy, BaseRows, News, Pull

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.replica import Replica
    from bayou.core.vector import VersionVector
    from bayou.core.votes import Vote
    from bayou.machine.messages import Message


def heard_of(message: Message) -> tuple[int, VersionVector] | None:
    """Return where the server stands that has sent this, its CSN and vector, None where that does not
    tell."""
    if isinstance(message, Pull | News):
        return message.csn, message.vector
    if isinstance(message, AntiEntropy) and message.end is not None:
        return message.end.csn, message.end.vector
    return None


def settles_doubt(replica: Replica, message: Message) -> bool:
    """Whether what another server says shows whether this one has forgotten something, if it has. Votes stand
    at the end of exchanges alone."""
    if len(replica.group) > 1 and replica.is_in_group:
        return isinstance(message, AntiEntropy) and message.end is not None
    return heard_of(message) is not None


def forgotten(replica: Replica, message: Message, vote: Vote | None = None) -> str | None:
    """Return what this member has forgotten, by what another server says; None where that shows nothing.
    ``vote``: its own in the commit group, None where it has none."""
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
        for told in () if message.end is None else message.end.votes:
            if told.member is name and _is_later(told, vote, replica.epoch):
                return f"a vote that it gave in the commit group of the epoch {told.epoch}"
        for writes in (message.items.committed, message.items.tentative):
            for write in writes:
                if write.server is name and write.stamp > own:
                    return f"a write that it accepted with stamp {write.stamp}"
    return None


def _is_later(told: Vote, own: Vote | None, epoch: int) -> bool:
    """Whether a vote of its own that somebody tells a member of is later than the last one that it knows of.
    Nobody votes in an epoch that it has not got to."""
    if told.epoch != epoch:
        return told.epoch > epoch
    return own is None or own.epoch != epoch or own.age < told.age
