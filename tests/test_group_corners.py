"""Servers of a commit group one input at a time: corners that scenarios seldom come to."""

from __future__ import annotations

import random

import pytest

from bayou.core.errors import PeerError
from bayou.core.votes import NUMBER_MAX, Decree, Vote
from bayou.node.voting import Voting
from tests.test_group_bugs import Member


def test_a_vote_that_nobody_can_have_given_is_an_error_even_in_the_name_of_whoever_hears_it() -> None:
    """Others read it where they look how far the votes of an exchange have got."""
    member = Member()
    voting, replica = Voting(member), member.replica
    stranger = replica.name.child(99)
    for bad in (
        Vote(replica.name, replica.epoch, 1, stranger),
        Vote(
            member.others[0],
            replica.epoch,
            1,
            member.others[0],
            Decree(1, stranger, replica.boundary, replica.vector),
        ),
    ):
        with pytest.raises(PeerError):
            voting.take_in((bad,))
        voting.settle()
        assert len(voting.progress()) == 1 + 5 * len(replica.group)


def test_above_the_highest_ballot_there_is_none() -> None:
    member = Member()
    voting, other = Voting(member), member.others[0]
    voting.take_in((Vote(other, member.replica.epoch, NUMBER_MAX, other),))
    before = voting.own
    voting.lead()
    assert voting.own == before
