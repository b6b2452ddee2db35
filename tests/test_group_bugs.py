"""Planted bugs of the commit group that random scenarios seldom come upon: what catches them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.votes import Decree, Vote
from bayou.families.planting import planted
from bayou.node.records import Named, Voted
from bayou.node.server import Server
from bayou.node.voting import Voting
from tests import test_group_core, test_upkeep


class Member:
    """What a server's part in a group sees of the server: the first one, of a group of three."""

    paused = False
    is_unsure = False

    def __init__(self) -> None:
        self.replica = Replica(ROOT)
        made = [self.replica.create().created for _ in range(2)]
        self.others = [name for name in made if name is not None]
        self.replica.regroup([ROOT, *self.others])
        self.replica.put("playlist", "a", '"u"')  # type: ignore[arg-type]

    def accepted(self) -> Vote:
        """Return its vote for its own decree, under a ballot that it leads."""
        decree = Decree(1, ROOT, self.replica.boundary, self.replica.vector)
        return Vote(ROOT, self.replica.epoch, 1, ROOT, decree)


def what_was_accepted_outlives_a_promise() -> None:
    """The next leader has to hear of it."""
    member = Member()
    voting = Voting(member)
    voting.restore(member.accepted())
    other = member.others[0]
    voting.take_in((Vote(other, member.replica.epoch, 2, other),))
    assert voting.own is not None
    assert voting.own.ballot == (2, other)
    assert voting.own.accepted == member.accepted().accepted


def a_vote_outlives_a_crash() -> None:
    """Both what was promised and what was accepted."""
    member = Member()
    vote = member.accepted()
    promised = Vote(ROOT, vote.epoch, 2, member.others[0], vote.accepted)
    records = [Named(ROOT), *member.replica.take_journal(), Voted(vote), Voted(promised)]
    server = Server.restored(0, random.Random(1), None, records, now=0.0)
    assert server.voting is not None
    assert server.voting.own == promised


CAUGHT_BY: dict[str, Callable[[], None]] = {
    "a promise forgets what was accepted": what_was_accepted_outlives_a_promise,
    "an accepted decree lost in a crash": a_vote_outlives_a_crash,
    "a promise lost in a crash": a_vote_outlives_a_crash,
    "the decree of the lowest ballot adopted": (
        test_group_core.test_a_leader_takes_over_the_decree_of_the_highest_ballot
    ),
    "the CSN taken for the boundary": (test_upkeep.test_what_is_here_of_half_a_decree_waits_for_the_rest),
    "half of a group decides": test_group_core.test_half_is_no_majority,
}


@pytest.mark.parametrize("bug", CAUGHT_BY)
def test_a_planted_bug_is_caught(bug: str) -> None:
    CAUGHT_BY[bug]()
    with planted(bug), pytest.raises(AssertionError):
        CAUGHT_BY[bug]()
