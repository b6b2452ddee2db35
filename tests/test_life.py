"""The life of a server, a stage at a time, and what it keeps of a connection as long as that lasts."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import pytest

from bayou.core.errors import InvariantBroken
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.write import RETIREMENT, Write
from bayou.machine.effects import LinkDown, LinkUp, Tick
from bayou.node.life import ASKING, GONE, LEAVING, MEMBER, NAMED, NEW, NEXT, RETIRED, Life
from bayou.node.messages import (
    HAND_OVER,
    JOIN,
    AntiEntropy,
    AskHeir,
    End,
    Gather,
    HandOver,
    Hello,
    Join,
    Pull,
    Retire,
    Retired,
    TakenOver,
    Willing,
)
from bayou.node.peers import Inbound, Peers
from bayou.node.records import Activated, Asking, Named
from bayou.node.server import Server
from tests.test_nodes import Numbers, deliver, due, first, hear, only, order, said, server, system

if TYPE_CHECKING:
    from bayou.machine.records import Durable

PATH = (NEW, ASKING, NAMED, MEMBER, LEAVING, RETIRED, GONE)


def at(stage: str) -> Life:
    life = Life()
    life.stage = stage
    return life


# The stages.


def test_only_what_comes_next_can_be_entered() -> None:
    shortcuts = [(NEW, MEMBER), (MEMBER, RETIRED)]
    allowed = [*pairwise(PATH), *shortcuts]
    for stage, following in product(PATH, PATH):
        life = at(stage)
        if (stage, following) in allowed:
            life.enter(following)
            assert life.stage == following
        else:
            with pytest.raises(InvariantBroken, match=f"{stage} can't be {following} next"):
                life.enter(following)
            assert life.stage == stage


def test_what_a_server_is_at_each_stage() -> None:
    assert tuple(NEXT) == PATH
    assert [stage for stage in PATH if at(stage).is_joining] == [ASKING, NAMED]
    assert [stage for stage in PATH if at(stage).is_member] == [MEMBER, LEAVING, RETIRED, GONE]
    assert [stage for stage in PATH if at(stage).is_active] == [MEMBER, LEAVING]
    assert [stage for stage in PATH if at(stage).is_leaving] == [LEAVING, RETIRED]


def test_a_replica_that_does_not_fit_the_stage_breaks_an_invariant() -> None:
    root, incomplete = Replica(ROOT), Replica(ROOT.child(1))
    retired = Replica(ROOT.child(1))
    creation = root.create()
    retired.apply(Items(0, [creation], []))
    retired.retire(None)
    fitting = {
        NEW: (None,),
        ASKING: (None,),
        NAMED: (root, incomplete),
        MEMBER: (root,),
        LEAVING: (root,),
        RETIRED: (retired,),
        GONE: (retired,),
    }
    for stage, replica in product(PATH, (None, root, incomplete, retired)):
        if replica in fitting[stage]:
            at(stage).check(replica)
        else:
            with pytest.raises(InvariantBroken):
                at(stage).check(replica)
    with pytest.raises(InvariantBroken, match="'asleep' is no stage"):
        at("asleep").check(root)


def test_the_life_of_a_server_from_its_beginning_to_its_end() -> None:
    nodes = system(2)
    node = nodes[5] = server(5, 0)
    nodes[0].step(0.0, LinkUp(5, Hello(is_server=True)))
    stages = [node.life.stage]
    create = only(order(node, Join(first=False)))
    stages.append(node.life.stage)
    created, part = (message for _, message in hear(nodes[0], 5, create).sends)
    hear(node, 0, created)
    stages.append(node.life.stage)
    hear(node, 0, part)
    stages.append(node.life.stage)
    hand_over = only(order(node, Retire()))
    stages.append(node.life.stage)
    node.check()
    answers = deliver(nodes, nodes[0], hear(nodes[0], 5, hand_over))
    stages.append(node.life.stage)
    assert [type(answer) for _, answer in answers] == [Retired]
    assert stages == [NEW, ASKING, NAMED, MEMBER, RETIRED, GONE], "LEAVING is over within the same step"


def test_a_primary_is_leaving_until_there_is_an_heir() -> None:
    nodes = system(2)
    ask = only(order(nodes[0], Retire()))
    assert isinstance(ask, AskHeir)
    assert nodes[0].life.stage == LEAVING
    willing = only(hear(nodes[1], 0, ask))
    hear(nodes[0], 1, willing)
    assert nodes[0].life.stage == RETIRED


def test_after_a_crash_a_server_is_at_the_stage_that_its_records_tell_of() -> None:
    asking, named = Asking(ROOT, 0, 9), Named(ROOT.child(1))
    creation = Replica(ROOT).create()
    took_over = Items(0, [creation], [])
    retirement = Items(1, [], [Write(2, ROOT.child(1), RETIREMENT, "", "", None)])
    records: list[Durable] = [asking, named, took_over, Activated(), retirement]
    expected = [NEW, ASKING, NAMED, NAMED, MEMBER, RETIRED]
    for count, stage in enumerate(expected):
        restored = Server.restored(1, Numbers(1), None, records[:count], now=1.0)
        assert restored.life.stage == stage
        restored.check()


def test_a_server_that_hears_of_its_own_retirement_from_others_hands_over_and_leaves() -> None:
    """It has not accepted it, and yet it is in the log of others: as after a crash, all it can do is go."""
    nodes = system(2)
    name = nodes[1].replica.name
    serial = nodes[1].exchanges.expect(0, JOIN, 0)
    retirement = Write(nodes[1].replica.clock.now + 1, name, RETIREMENT, "", "", None)
    end = End(nodes[1].replica.csn, nodes[1].replica.vector)
    hear(nodes[1], 0, AntiEntropy(serial, 0, Items(nodes[1].replica.csn, [], [retirement]), end))
    assert nodes[1].life.stage == RETIRED
    nodes[1].check()
    assert said(nodes[1].step(due(nodes[1]), Tick())) == [HandOver]


# What is kept of a connection.


def test_a_connection_that_is_made_anew_begins_with_nothing() -> None:
    peers = Peers()
    for id, is_server in ((3, True), (1, True), (2, False)):
        peers.link_up(id, ROOT.child(id), is_server=is_server)
    assert peers.servers == [1, 3]
    assert [(id, peer.name) for id, peer in peers.items()] == [(id, ROOT.child(id)) for id in (1, 2, 3)]
    known = peers.of(3)
    known.inbound = Inbound(7, JOIN, 1)
    known.answered = 5
    known.is_unheard = known.is_wanted_again = True
    assert peers.of(3) is known
    peers.link_up(3, None, is_server=True)
    fresh = peers.of(3)
    assert (fresh.name, fresh.inbound, fresh.answered) == (None, None, -1)
    assert not fresh.is_unheard
    assert not fresh.is_wanted_again
    peers.link_down(3)
    assert peers.servers == [1]
    assert [id for id, _ in peers.items()] == [1, 2]


def test_what_a_peer_asked_counts_on_that_connection_only() -> None:
    """A Pull that comes twice is an echo; over a new connection the serial stands for another exchange."""
    nodes = system(2)
    pull = Pull(1 << 50, JOIN, 0, nodes[1].replica.vector)
    assert said(hear(nodes[0], 1, pull)) == [AntiEntropy]
    assert said(hear(nodes[0], 1, pull)) == [], "an echo"
    nodes[0].step(0.0, LinkDown(1))
    nodes[0].step(0.0, LinkUp(1, Hello(is_server=True)))
    assert said(hear(nodes[0], 1, pull)) == [AntiEntropy]


def test_a_round_asked_for_early_is_forgotten_with_the_connection() -> None:
    nodes = system(2)
    hear(nodes[1], 0, Gather(4, 1 << 50, 0, nodes[0].replica.vector))
    assert nodes[1].peers.of(0).early is not None
    nodes[1].step(0.0, LinkUp(0, Hello(is_server=True)))
    assert nodes[1].peers.of(0).early is None


def test_a_promise_outlives_the_connection_on_which_it_was_given() -> None:
    nodes = system(3)
    ask = only(order(nodes[0], Retire()))
    assert said(hear(nodes[1], 0, ask)) == [Willing]
    nodes[1].step(0.0, LinkDown(0))
    nodes[1].step(0.0, LinkUp(0, Hello(is_server=True)))
    order(nodes[1], Retire())
    assert nodes[1].life.stage == LEAVING, "it has promised to be there"


def test_who_has_taken_over_has_done_so_whatever_becomes_of_the_connection() -> None:
    nodes = system(3)
    leaving = nodes[2]
    offers = order(leaving, Retire())
    token = next(message.token for _, message in offers.sends if isinstance(message, HandOver))
    confirmed = TakenOver(token, leaving.replica.csn, leaving.replica.vector)
    assert said(hear(leaving, 0, confirmed)) == []
    leaving.step(0.0, LinkDown(0))
    effects = leaving.step(0.0, LinkUp(0, Hello(is_server=True)))
    assert [peer for peer, _ in effects.sends] == [1], "server 0 has all that it has"
    assert hear(leaving, 1, confirmed).leave


def test_a_server_knows_from_whom_it_was_asked_to_inherit_on_this_connection() -> None:
    """Where the peer had no name when it was connected, AskHeir tells it; it goes with the connection."""
    node = first(7)
    assert node.peers.of(7).name is None
    asker = ROOT.child(1)
    assert said(hear(node, 7, AskHeir(5, asker))) == [Pull]
    inbound = node.peers.of(7).inbound
    assert inbound is not None
    assert inbound.purpose == HAND_OVER
    assert node.peers.of(7).name is asker
    node.step(0.0, LinkUp(7, Hello(is_server=True)))
    assert node.peers.of(7).name is None
