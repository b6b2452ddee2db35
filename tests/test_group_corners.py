"""Servers of a commit group one input at a time: corners that scenarios seldom come to."""

from __future__ import annotations

import pytest

from bayou.core.errors import PeerError
from bayou.core.votes import NUMBER_MAX, Decree, Vote
from bayou.machine.effects import LinkUp, Ordered
from bayou.machine.messages import Failed
from bayou.node.messages import AskConsent, Consented, Retire, SetGroup
from bayou.node.server import Server
from bayou.node.voting import Voting
from tests.test_group_bugs import Member
from tests.test_nodes import hear, system


def named(size: int) -> dict[int, Server]:
    """Return that many servers, all members and connected, who know each other by name."""
    nodes = system(size)
    for node in nodes.values():
        for other in nodes.values():
            if other is not node:
                node.step(0.0, LinkUp(other.id, other.hello))
    return nodes


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


def test_an_operators_change_is_given_up_when_the_server_retires() -> None:
    """It has accepted its retirement write, and nothing after it, when the last consent comes."""
    nodes = named(3)
    leaving, names = nodes[2], [nodes[id].replica.name for id in (0, 1)]
    asked = leaving.step(0.0, Ordered(7, SetGroup(tuple(names))))
    ((peer, message),) = [
        (peer, message) for peer, message in asked.sends if peer == 1 and isinstance(message, AskConsent)
    ]
    retired = leaving.step(0.0, Ordered(8, Retire()))
    assert retired.answers == [(7, Failed("this server is leaving"))]
    ((_, consent),) = hear(nodes[peer], 2, message).sends
    assert isinstance(consent, Consented)
    effects = hear(leaving, 1, consent)
    assert not effects.drops
    leaving.check()
