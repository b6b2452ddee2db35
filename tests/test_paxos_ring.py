"""The election on a ring, as Chang and Roberts have it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from bayou.core.errors import Misuse
from bayou.machine.messages import Done
from bayou.paxos import Elected, Election, LeaderChanged, RingElection

if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from bayou.paxos import Effects

RING = [3, 8, 5]


def said(effects: Effects) -> tuple[list[tuple[int, Message]], list[object]]:
    assert effects.durable == []
    return effects.sends, effects.answers


def test_a_node_sends_its_id_clockwise() -> None:
    assert said(RingElection(8, RING).start()) == ([(5, Election(8))], [])
    assert said(RingElection(5, RING).start()) == ([(3, Election(5))], []), "round the end"


def test_larger_ids_are_passed_on_smaller_ones_swallowed() -> None:
    node = RingElection(5, RING)
    node.start()
    assert said(node.receive(8, Election(8))) == ([(3, Election(8))], [])
    assert said(node.receive(8, Election(3))) == ([], [])
    assert said(node.start()) == ([], []), "it has passed on a larger one"


def test_a_node_that_swallows_takes_part() -> None:
    assert said(RingElection(5, RING).receive(8, Election(3))) == ([(3, Election(5))], [])


def test_whose_own_id_returns_is_elected_and_all_hear_it() -> None:
    node = RingElection(8, RING)
    node.start()
    assert said(node.receive(3, Election(8))) == ([(5, Elected(8))], [LeaderChanged(8)])
    assert said(RingElection(5, RING).receive(8, Elected(8))) == ([(3, Elected(8))], [LeaderChanged(8)])
    assert said(node.receive(3, Elected(8))) == ([], [])
    assert said(node.resend()) == ([], [])


def test_a_ring_of_one() -> None:
    node = RingElection(4, [4])
    assert said(node.start()) == ([], [LeaderChanged(4)])
    assert said(node.resend()) == ([], [])


def test_what_may_have_been_lost_is_sent_again() -> None:
    node = RingElection(5, RING)
    assert said(node.resend()) == ([], [])
    node.start()
    assert said(node.resend()) == ([(3, Election(5))], [])
    node.receive(8, Election(8))
    assert said(node.resend()) == ([(3, Election(8))], [])
    node.receive(8, Elected(8))
    assert said(node.resend()) == ([], []), "that is for the elected to do"
    elected = RingElection(8, RING)
    elected.start()
    elected.receive(3, Election(8))
    assert said(elected.resend()) == ([(5, Elected(8))], [])


def test_what_is_said_twice_does_no_harm() -> None:
    node = RingElection(5, RING)
    assert said(node.receive(8, Elected(8)))[1] == [LeaderChanged(8)]
    assert said(node.receive(8, Elected(8))) == ([(3, Elected(8))], []), "the next one may not have heard"
    assert said(node.receive(8, Election(8))) == ([(3, Election(8))], [])


def test_what_does_not_belong_is_ignored() -> None:
    node = RingElection(5, RING)
    for sender, message in (
        (9, Election(8)),
        (8, Election(9)),
        (8, Elected(9)),
        (9, Elected(8)),
        (8, Done()),
    ):
        assert said(node.receive(sender, message)) == ([], [])
    assert node.leader is None


@pytest.mark.parametrize(("node", "ring"), [(1, [2, 3]), (2, [2, 2]), (1, [])])
def test_a_ring_has_its_node_and_each_once(node: int, ring: list[int]) -> None:
    with pytest.raises(Misuse):
        RingElection(node, ring)


@pytest.mark.parametrize("seed", range(200))
def test_the_highest_is_elected_whatever_the_order_and_the_loss(seed: int) -> None:
    """Any of the nodes may start; messages between two nodes may be lost, doubled and overtaken."""
    rng = Random(seed)
    ring = rng.sample(range(50), rng.randint(1, 7))
    nodes = {id: RingElection(id, ring) for id in ring}
    flying: list[tuple[int, int, Message]] = []

    def carry_out(node: int, effects: Effects) -> None:
        flying.extend((node, to, message) for to, message in effects.sends)
        for answer in effects.answers:
            assert answer == LeaderChanged(max(ring))

    for id in rng.sample(ring, rng.randint(1, len(ring))):
        carry_out(id, nodes[id].start())
    for turn in range(3000):
        if all(node.leader == max(ring) for node in nodes.values()) and not flying:
            break
        is_lossy = turn < 200
        if not flying or rng.random() < 0.1:
            carry_out(id := rng.choice(ring), nodes[id].resend())
            continue
        sender, to, message = flying.pop(rng.randrange(len(flying)))
        if is_lossy and rng.random() < 0.3:
            continue
        if is_lossy and rng.random() < 0.2:
            flying.append((sender, to, message))
        carry_out(to, nodes[to].receive(sender, message))
    assert {node.leader for node in nodes.values()} == {max(ring)}
    assert not flying
