"""Rules left out of the product's own code, for the random histories of tests/group_both.py to find.

Each bug is planted for as long as ``planted`` lasts, in this process alone.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from bayou.core import votes
from bayou.core.items import Items
from bayou.core.replica import Replica
from bayou.core.votes import Decree, Vote, Votes
from bayou.node.grouping import Grouping
from bayou.node.voting import Voting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.core.name import Name
    from bayou.core.vector import VersionVector
    from bayou.core.write import Write


class RealBug(NamedTuple):
    """What is put in the place of what, and the first seed that finds it."""

    seed: int
    place: Any
    name: str
    what: Any


def _half(members: int) -> int:
    return (members + 1) // 2


def _promise_forgets(voting: Voting) -> bool:
    own = voting._own_that_votes()
    if own is None or voting.votes.highest <= own.ballot:
        return False
    return voting._note(Vote(own.member, own.epoch, *voting.votes.highest, None))


def _takes_over_nothing(_: Votes, ballot: tuple[int, Name], base: int) -> None:
    return None


def _takes_over_lowest(known: Votes, ballot: tuple[int, Name], base: int) -> Decree | None:
    decrees = [
        vote.accepted for vote in known._promised(ballot) if vote.accepted and vote.accepted.base == base
    ]
    return min(decrees, key=lambda decree: decree.ballot, default=None)


def _keeps_nothing(_: Voting) -> list[object]:
    return []


def _keeps_no_accepted(voting: Voting) -> list[object]:
    """A vote is made durable when its ballot changes alone."""
    own, kept = voting.own, voting._kept
    if own is not None and kept is not None and (own.epoch, own.ballot) == (kept.epoch, kept.ballot):
        return []
    return [*_to_keep(voting)]


_to_keep: Any = Voting.to_keep


def _goes_on(replica: Replica, writes: list[Write]) -> int:
    """A decree goes on behind a group write that counts."""
    csn = replica.csn
    for write in writes:
        replica._commit_held(write)
    if writes:
        replica._journal.append(Items(csn, [write.notice() for write in writes], []))
    return len(writes)


def _decides_all(replica: Replica, base: int, upto: VersionVector) -> int:
    """A decree is all that one holds."""
    return int(_decide(replica, base, replica.vector))


def _bounds_at_csn(replica: Replica, base: int, upto: VersionVector) -> int:
    """A decree that is committed here already, and more, is taken to end at the CSN."""
    known = [each for each in replica.log.tentative if upto.completed(each.server) >= each.stamp]
    replica._commit_known(known)
    replica._bound_at(replica.csn)
    return 1


_decide: Any = Replica.decide


def _bound_in_memory(replica: Replica, csn: int) -> None:
    replica._bound = csn


def _proposes_again(voting: Voting) -> bool:
    own = voting.own
    if own is None or not voting.leads or len(voting._server.replica.group) < 2:
        return False
    decree = own.accepted
    if voting._has_proposed(own) and decree is not None and decree.upto == voting._server.replica.vector:
        return False
    return voting.votes.has_promises(own.ballot)


REAL_BUGS: dict[str, RealBug] = {
    "half is enough": RealBug(0, votes, "majority", _half),
    "a promise forgets what was accepted": RealBug(2, Voting, "_promise", _promise_forgets),
    "a new leader takes over nothing": RealBug(2, Votes, "to_take_over", _takes_over_nothing),
    "the lowest ballot is taken over": RealBug(2, Votes, "to_take_over", _takes_over_lowest),
    "the own vote is not durable": RealBug(0, Voting, "to_keep", _keeps_nothing),
    "an accepted decree is not durable": RealBug(2, Voting, "to_keep", _keeps_no_accepted),
    "the CSN is the boundary": RealBug(2, Replica, "boundary", property(lambda self: self.csn)),
    "a boundary is not durable": RealBug(2, Replica, "_bound_at", _bound_in_memory),
    "a boundary is not learned": RealBug(32, Replica, "learn_boundary", lambda *_: None),
    "a decree goes on behind a group write": RealBug(5, Replica, "_commit_known", _goes_on),
    "a decree is all that one holds": RealBug(2, Replica, "decide", _decides_all),
    "two decrees for a ballot and base": RealBug(2, Voting, "may_propose", property(_proposes_again)),
    "a decree ends at the CSN": RealBug(12_625, Replica, "decide", _bounds_at_csn),
    "a consent is forgotten": RealBug(1, Grouping, "restore", lambda *_: None),
}


@contextmanager
def planted(bug: str | None) -> Iterator[None]:
    """Plant a bug; none for None."""
    with ExitStack() as stack:
        if bug is not None:
            _, place, name, what = REAL_BUGS[bug]
            stack.enter_context(mock.patch.object(place, name, what))
        yield
