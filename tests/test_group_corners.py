"""Servers of a commit group one input at a time: corners that scenarios seldom come to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bayou.core.errors import MissingFunction, PeerError
from bayou.core.name import ROOT, Name
from bayou.core.past import members_made
from bayou.core.votes import NUMBER_MAX, Decree, Vote, first_vote
from bayou.machine.effects import LinkDown, LinkUp, Ordered, Tick
from bayou.machine.messages import Failed
from bayou.node.leading import TRIES_COUNTED, WAIT_S
from bayou.node.messages import (
    AskConsent,
    AskHeir,
    Consented,
    Declined,
    End,
    Hello,
    Retire,
    SetGroup,
    Willing,
)
from bayou.node.records import Named
from bayou.node.server import Server
from bayou.node.settings import Habits, Settings
from bayou.node.voting import Voting
from tests.rows import row
from tests.test_group_bugs import Member
from tests.test_nodes import hear, system

if TYPE_CHECKING:
    from collections.abc import Callable


def named(size: int) -> dict[int, Server]:
    """Return that many servers, all members and connected, who know each other by name."""
    nodes = system(size)
    for node in nodes.values():
        for other in nodes.values():
            if other is not node:
                node.step(0.0, LinkUp(other.id, other.hello))
    return nodes


def grouped(size: int, *members: int) -> dict[int, Server]:
    """Return that many servers that all know of the group which these members are, and no vote."""
    nodes = named(size)
    replicas = [node.replica for node in nodes.values()]
    replicas[0].apply(replicas[-1].beyond(replicas[0].csn, replicas[0].vector))
    replicas[0].regroup([nodes[id].replica.name for id in members])
    for replica in replicas[1:]:
        replica.apply(replicas[0].beyond(replica.csn, replica.vector))
    return nodes


def retire(node: Server) -> list[tuple[int, AskConsent]]:
    """Let a member retire; return whose consent it asks for, by id."""
    sends = node.step(0.0, Ordered(8, Retire())).sends
    return [(peer, message) for peer, message in sends if isinstance(message, AskConsent)]


def written(node: Server) -> list[tuple[Name, ...]]:
    """Return the groups that tentative writes at a server would make."""
    found = (members_made(write, node.replica.epoch) for write in node.replica.log.tentative)
    return [members for members in found if members is not None]


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


def test_a_vote_without_what_it_is_about_is_an_error() -> None:
    """Whoever holds a vote holds the prefix in front of its decree, and the writes that this names."""
    nodes = grouped(3, 0, 1, 2)
    sender, receiver = nodes[1].replica, nodes[0]
    behind = sender.vector
    sender.put(*row("a", "u"))
    for base, vector, is_held in ((0, sender.vector, True), (0, behind, False), (1, sender.vector, False)):
        decree = Decree(1, sender.name, sender.boundary + base, sender.vector)
        vote = Vote(sender.name, sender.epoch, 1, sender.name, decree)
        end = End(sender.csn, vector, votes=(vote,))
        if is_held:
            receiver.heard_votes(end)
        else:
            with pytest.raises(PeerError, match="without its writes"):
                receiver.heard_votes(end)
    assert receiver.voting is not None
    assert receiver.voting.votes.of(sender.name) is not None


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


def test_a_first_server_that_its_own_mark_puts_out_of_the_group_waits_for_half_of_the_new_one() -> None:
    """It has asked for an heir, and finds the change of the group among what it marks before it names
    one."""
    nodes = named(4)
    leaving, other = nodes[0], nodes[3]
    other.replica.regroup([nodes[id].replica.name for id in (1, 2, 3)])
    leaving.replica.apply(other.replica.beyond(leaving.replica.csn, leaving.replica.vector))
    assert leaving.replica.is_primary
    ((peer, asked),) = leaving.step(0.0, Ordered(8, Retire())).sends
    assert isinstance(asked, AskHeir)
    effects = hear(leaving, peer, Willing(asked.token, nodes[peer].replica.name))
    assert len(leaving.replica.group) == 3
    assert not leaving.replica.retired, "nobody of the new group knows yet that it is the group"
    assert not effects.answers
    assert leaving.wake_at is not None
    leaving.step(leaving.wake_at, Tick())
    assert not leaving.replica.retired
    for id in (1, 2):
        told = nodes[id].replica
        told.apply(leaving.replica.beyond(told.csn, told.vector))
        assert leaving.voting is not None
        leaving.voting.take_in((first_vote(told.name, told.epoch),))
    leaving.step(leaving.wake_at, Tick())
    assert leaving.replica.retired


def test_whoever_was_to_take_the_place_of_a_member_that_leaves_may_crash() -> None:
    nodes = grouped(5, 0, 1, 2)
    leaving, names = nodes[0], [nodes[id].replica.name for id in range(5)]
    asked = retire(leaving)
    assert [peer for peer, _ in asked] == [1, 2, 3]
    for peer, message in asked[:2]:
        ((_, answer),) = hear(nodes[peer], 0, message).sends
        hear(leaving, peer, answer)
    assert written(leaving) == [], "3 has not consented"
    ((peer, message), *_) = [
        (peer, message)
        for peer, message in leaving.step(1.0, LinkDown(3)).sends
        if peer == 4 and isinstance(message, AskConsent)
    ]
    asked = [(id, AskConsent(message.token, message.epoch)) for id in (1, 4)]
    for peer, message in asked:
        ((_, answer),) = hear(nodes[peer], 0, message).sends
        hear(leaving, peer, answer)
    assert written(leaving) == [tuple(sorted([names[1], names[2], names[4]]))]


def test_members_that_leave_at_the_same_time_do_not_wait_for_each_other() -> None:
    nodes = grouped(3, 0, 1)
    asked = {id: retire(nodes[id]) for id in (0, 1)}
    for id in (0, 1):
        while asked[id]:
            peer, message = asked[id].pop(0)
            for _, answer in hear(nodes[peer], id, message).sends:
                more = hear(nodes[id], peer, answer).sends
                asked[id] += [(to, also) for to, also in more if isinstance(also, AskConsent)]
    newcomer = nodes[2].replica.name
    assert written(nodes[0]) == written(nodes[1]) == [(newcomer,)]


def restored() -> Server:
    """Return a member of a group of three that runs freely, with something to commit and no connection."""
    records = [Named(ROOT), *Member().replica.take_journal()]
    node = Server.restored(0, random.Random(1), Settings(habits=Habits(partners="all")), records, now=0.0)
    node.replica.put(*row("a", "u"))
    return node


def wait(node: Server, times: int) -> float:
    """Wake it so often, whenever it wants that; return when it was the last time."""
    now = 0.0
    for _ in range(times):
        now = max(now, node.wake_at or now)
        node.step(now, Tick())
    return now


def begun(node: Server) -> int:
    """Return the number of the highest ballot that it knows."""
    assert node.voting is not None
    return node.voting.votes.highest[0]


def lack(node: Server, name: Name | None) -> None:
    """Let a function be missing there that a write calls which the server of this name has, and no other
    one."""
    node.exchanges.has_lacked = True
    node.step(node.now, LinkUp(7, Hello(is_server=True, name=name)))
    node.peers.of(7).lacks = MissingFunction("book", 1)


@pytest.mark.parametrize("hindrance", ["is_full", "is_unsure", "lacking"])
def test_who_pulls_nothing_or_may_not_vote_does_not_lead(hindrance: str) -> None:
    """Its ballots would come to nothing, and take the ballot from whoever leads."""
    led = {}
    for hindered in (False, True):
        node = restored()
        if hindrance == "lacking":
            lack(node, node.replica.group[1] if hindered else None)
        else:
            setattr(node, hindrance, hindered)
        wait(node, 100)
        assert node.voting is not None
        led[hindered] = node.voting.leads
    assert led == {False: True, True: False}


def test_who_leads_the_highest_ballot_begins_no_other_one() -> None:
    """It would make worthless what others have promised, and are about to say."""
    node = restored()
    assert wait(node, 100) > 20 * WAIT_S
    assert begun(node) == 1


def waits(befalls: Callable[[Server, int], None]) -> list[float]:
    """Return how long a member waits each time when its ballots come to nothing, one after another;
    ``befalls`` may do something with it before the next."""
    node = restored()
    rival = node.replica.group[1]
    waited = []
    now = 0.0
    node.step(now, Tick())
    for attempt in range(12):
        assert node.voting is not None
        befalls(node, attempt)
        node.voting.take_in((Vote(rival, node.replica.epoch, begun(node) + 1, rival),))
        node.step(now, Tick())
        began, number = now, begun(node)
        while begun(node) == number:
            assert node.wake_at is not None
            now = max(now, node.wake_at)
            node.step(now, Tick())
        waited.append(now - began)
    return waited


def link_up(node: Server, name: Name | None, *, is_server: bool = True) -> None:
    node.step(node.now, LinkDown(9))
    node.step(node.now, LinkUp(9, Hello(is_server=is_server, name=name)))


def test_ballots_that_came_to_nothing_without_a_member_do_not_count_with_it() -> None:
    """Each makes a member wait twice as long."""
    waited = waits(lambda node, attempt: link_up(node, node.replica.group[2]) if attempt == 6 else None)
    for attempt, took in enumerate(waited):
        times = 2 ** min(attempt if attempt < 6 else attempt - 6, TRIES_COUNTED)
        assert WAIT_S * times <= took <= 2 * WAIT_S * times, attempt


@pytest.mark.parametrize("who", ["a client", "another server", "a member"])
def test_who_comes_and_goes_does_not_make_ballots_begin_faster_than_they_can_be_promised(who: str) -> None:
    def come_and_go(node: Server, attempt: int) -> None:
        name = {"a client": None, "another server": ROOT.child(77), "a member": node.replica.group[2]}[who]
        link_up(node, name, is_server=who != "a client")

    assert max(waits(come_and_go)) >= WAIT_S * 2 ** (TRIES_COUNTED - 1)


def test_a_write_whose_function_is_missing_keeps_nobody_from_leading_whom_no_member_sends_it() -> None:
    node = restored()
    lack(node, ROOT.child(77))
    wait(node, 100)
    assert node.voting is not None
    assert node.voting.leads


def test_an_operator_is_told_when_too_few_can_still_consent() -> None:
    """Also where those who decline are members, and at once."""
    nodes = grouped(3, 0, 1, 2)
    asked = nodes[0].step(0.0, Ordered(7, SetGroup(tuple(node.replica.name for node in nodes.values()))))
    ((one, token), (other, _)) = [
        (id, each.token) for id, each in asked.sends if isinstance(each, AskConsent)
    ]
    assert hear(nodes[0], one, Declined(token)).answers == []
    ((number, answer),) = hear(nodes[0], other, Declined(token)).answers
    assert number == 7
    assert isinstance(answer, Failed)
    assert "does not consent" in answer.why
