"""Nodes with a clock: who leads, and for how long."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from bayou.paxos import (
    Accept,
    Accepted,
    Ballot,
    Chosen,
    Decide,
    Decided,
    Heard,
    Heartbeat,
    HeartbeatNode,
    LeaderChanged,
    Nack,
    Preempted,
    Prepare,
    Promise,
    Used,
)
from tests.paxos_cluster import BEAT_S, ELECTION_S, Cluster

if TYPE_CHECKING:
    from bayou.paxos import Effects

NODES = (0, 1, 2)
FIRST = Ballot(1, 0)


def node(records: list[object] | None = None, id: int = 0) -> HeartbeatNode:
    return HeartbeatNode(id, NODES, records or [], rng=Random(id), heartbeat_s=BEAT_S, election_s=ELECTION_S)


def leader(now: float = 10.0) -> HeartbeatNode:
    """Node 0, which leads from ``now`` on with its first ballot, and has nothing to propose."""
    made = node()
    made.prepare(now)
    effects = made.receive(now, 1, Promise(FIRST, None))
    assert effects.answers == [LeaderChanged(0)]
    assert effects.sends == [(1, Heartbeat(FIRST)), (2, Heartbeat(FIRST))]
    assert made.is_leader
    return made


def waits(made: HeartbeatNode, now: float) -> float:
    """How long a node that does not lead waits from now on, in election time-outs."""
    assert made.wake_at is not None
    return (made.wake_at - now) / ELECTION_S


def campaigns(effects: Effects) -> bool:
    return any(isinstance(record, Used) for record in effects.durable)


def test_a_node_prepares_after_silence_and_not_before() -> None:
    made = node()
    assert made.wake_at == 0.0, "it has yet to be told the time"
    assert made.tick(100.0).sends == []
    assert 1 <= waits(made, 100.0) <= 2
    at = made.wake_at
    assert made.tick(at - 0.001).sends == []
    effects = made.tick(at)
    assert effects.sends == [(1, Prepare(FIRST)), (2, Prepare(FIRST))]
    assert campaigns(effects)


def test_the_time_that_it_waits_is_drawn() -> None:
    drawn = []
    for id in range(300):
        made = HeartbeatNode(0, NODES, rng=Random(id), heartbeat_s=BEAT_S, election_s=ELECTION_S)
        made.tick(7.0)
        drawn.append(waits(made, 7.0))
    assert min(drawn) < 1.05
    assert max(drawn) > 1.95
    assert all(1 <= each <= 2 for each in drawn)


def test_the_back_off_doubles_with_each_try_up_to_eight() -> None:
    made = node()
    made.tick(0.0)
    for back_off in (2, 4, 8, 8, 8):
        assert made.wake_at is not None
        now = made._campaign_at
        assert now is not None
        assert campaigns(made.tick(now))
        after = made._campaign_at
        assert after is not None
        assert back_off <= (after - now) / ELECTION_S <= 2 * back_off


def test_whoever_hears_a_leader_waits_anew_and_the_back_off_is_one_again() -> None:
    made = node()
    made.tick(0.0)
    for _ in range(3):
        made.tick(made._campaign_at or 0.0)
    for now, message in ((900.0, Heartbeat(Ballot(9, 1))), (950.0, Accept(Ballot(9, 1), "x"))):
        made.receive(now, 1, message)
        assert made.leader == 1
        assert 1 <= waits(made, now) <= 2


def test_a_heartbeat_is_answered() -> None:
    made = node()
    effects = made.receive(5.0, 1, Heartbeat(Ballot(1, 1)))
    assert effects.sends == [(1, Heard(Ballot(1, 1), None))]
    assert effects.answers == [LeaderChanged(1)]
    assert made.receive(6.0, 1, Heartbeat(Ballot(1, 1))).answers == []


def test_a_heartbeat_of_the_deposed_is_refused() -> None:
    made = node()
    made.receive(5.0, 2, Prepare(Ballot(3, 2)))
    effects = made.receive(5.0, 1, Heartbeat(Ballot(2, 1)))
    assert effects.sends == [(1, Nack(Ballot(2, 1), Ballot(3, 2)))]
    assert made.leader is None


def test_a_heartbeat_in_another_s_ballot_is_ignored() -> None:
    made = node()
    assert made.receive(5.0, 1, Heartbeat(Ballot(2, 2))).sends == []
    assert made.leader is None


def test_a_candidate_gets_a_chance() -> None:
    """Who promises a higher ballot waits anew, without being less patient than before."""
    made = node()
    made.tick(0.0)
    made.tick(made._campaign_at or 0.0)
    made.receive(900.0, 1, Prepare(Ballot(9, 1)))
    assert 2 <= waits(made, 900.0) <= 4


def test_what_is_unanswered_is_sent_again_every_heartbeat() -> None:
    made = node()
    made.prepare(10.0)
    assert made.wake_at == 10.0 + BEAT_S
    assert made.tick(10.0 + BEAT_S).sends == [(1, Prepare(FIRST)), (2, Prepare(FIRST))]
    made.propose(10.2, "x")
    made.receive(10.2, 1, Promise(FIRST, None))
    made.receive(10.2, 1, Accepted(Ballot(0, 0), "old"))
    assert made.tick(10.2 + 0.9 * BEAT_S).sends == []
    sends = made.tick(10.2 + BEAT_S).sends
    assert sends == [(to, message) for message in (Accept(FIRST, "x"), Heartbeat(FIRST)) for to in (1, 2)]


def test_a_leader_proposes_at_once() -> None:
    made = leader()
    sends = made.propose(10.1, "x").sends
    assert [(to, Accept(FIRST, "x")) for to in (1, 2)] == sends[:2]


def test_a_leader_proposes_what_a_follower_wants_if_it_has_nothing_itself() -> None:
    follower, made = node(id=1), leader()
    follower.receive(10.0, 0, Heartbeat(FIRST))
    assert follower.propose(10.1, "x").sends == [(0, Heard(Ballot.NONE, "x"))]
    assert follower.receive(10.2, 0, Heartbeat(FIRST)).sends == [(0, Heard(FIRST, "x"))]
    assert made.receive(10.3, 1, Heard(FIRST, "x")).sends[:1] == [(1, Accept(FIRST, "x"))]
    assert made.receive(10.3, 2, Heard(FIRST, "y")).sends == []
    other = leader()
    other.propose(10.1, "mine")
    assert other.receive(10.3, 1, Heard(FIRST, "x")).sends == []


def test_nobody_else_proposes_for_others() -> None:
    assert node().receive(1.0, 1, Heard(FIRST, "x")).sends == []


def test_a_wish_of_a_follower_that_comes_to_lead_is_proposed() -> None:
    made = node()
    assert made.propose(1.0, "x").sends == []
    made.tick(made.wake_at or 0.0)
    assert (1, Accept(FIRST, "x")) in made.receive(9.0, 1, Promise(FIRST, None)).sends


@pytest.mark.parametrize(
    "message",
    [Prepare(Ballot(2, 1)), Accept(Ballot(2, 1), "y"), Heartbeat(Ballot(2, 1)), Nack(FIRST, Ballot(2, 1))],
    ids=lambda message: type(message).__name__,
)
def test_a_leader_that_hears_of_a_higher_ballot_stops_leading(message: object) -> None:
    made = leader()
    effects = made.receive(10.1, 1, message)  # type: ignore[arg-type]
    assert not made.is_leader
    told = [answer for answer in effects.answers if isinstance(answer, LeaderChanged)]
    assert told == [LeaderChanged(made.leader)]
    assert made.leader == (1 if isinstance(message, (Accept, Heartbeat)) else None)
    assert 1 <= waits(made, 10.1) <= 2
    assert made.tick(10.1 + BEAT_S).sends == []


def test_a_refused_candidate_backs_off_before_a_higher_ballot() -> None:
    made = node()
    made.prepare(10.0)
    effects = made.receive(10.3, 1, Nack(FIRST, Ballot(4, 2)))
    assert effects.answers == [Preempted(Ballot(4, 2))]
    assert 2 <= waits(made, 10.3) <= 4
    assert made.tick(10.3 + ELECTION_S).sends == []
    assert made.tick(made.wake_at or 0.0).sends[0] == (1, Prepare(Ballot(5, 0)))


def test_a_leader_that_hears_from_no_majority_stops_leading() -> None:
    made = leader()
    last = 10.0
    made.receive(last, 2, Heard(FIRST, None))
    while made.wake_at is not None and made.wake_at < last + 3 * ELECTION_S:
        made.tick(made.wake_at)
        assert made.is_leader
    effects = made.tick(last + 3 * ELECTION_S)
    assert effects.answers == [LeaderChanged(None)]
    assert effects.sends == []
    assert not made.is_leader
    assert 1 <= waits(made, last + 3 * ELECTION_S) <= 2


def test_a_minority_is_not_enough_to_go_on_leading() -> None:
    made = HeartbeatNode(0, range(5), rng=Random(1), heartbeat_s=BEAT_S, election_s=ELECTION_S)
    made.prepare(10.0)
    for sender in (1, 2):
        made.receive(10.0, sender, Promise(FIRST, None))
    made.receive(11.0, 1, Heard(FIRST, None))
    made.receive(11.2, 2, Heard(FIRST, None))
    assert made.tick(11.0 + 3 * ELECTION_S - 0.01).answers == []
    assert made.tick(11.0 + 3 * ELECTION_S).answers == [LeaderChanged(None)]


def test_a_lost_link_to_the_leader_counts_as_silence() -> None:
    for id, beats in ((2, 0), (0, 1)):
        made = node(id=id)
        made.receive(10.0, 1, Heartbeat(Ballot(1, 1)))
        made.link_down(10.1, 0 if id else 2)
        assert waits(made, 10.1) > 0.9, "that was not the leader's"
        made.link_down(10.1, 1)
        assert made.wake_at == pytest.approx(10.1 + beats * BEAT_S)


def test_a_leader_tells_what_is_decided_until_all_have_said_that_they_know_it() -> None:
    made = leader()
    made.propose(10.0, "x")
    assert Chosen("x") in made.receive(10.0, 1, Accepted(FIRST, "x")).answers
    both = [(to, message) for message in (Decide("x"), Heartbeat(FIRST)) for to in (1, 2)]
    assert made.tick(10.0 + BEAT_S).sends == both
    made.receive(10.1, 1, Decide("x"))
    assert made.tick(10.0 + 2 * BEAT_S).sends == both[1::2]
    made.receive(10.2, 2, Decide("x"))
    assert made.wake_at is None


def test_who_knows_the_value_says_so_and_never_campaigns() -> None:
    made = node([Decided("x")])
    assert made.receive(1.0, 1, Heartbeat(Ballot(1, 1))).sends == [(1, Decide("x"))]
    assert made.wake_at is None
    assert (made.tick(1000.0).sends, made.tick(1000.0).answers) == ([], [])
    assert made.prepare(1000.0).answers == [Chosen("x")]
    assert made.propose(1000.0, "y").answers == [Chosen("x")]
    assert made.receive(1000.0, 1, Prepare(Ballot(7, 1))).sends == [(1, Decide("x"))]


def test_strangers_are_no_leaders() -> None:
    made = node()
    assert made.receive(1.0, 7, Heartbeat(Ballot(9, 7))).sends == []
    assert made.leader is None


def test_a_node_alone_leads_and_decides() -> None:
    made = HeartbeatNode(4, [4], rng=Random(1), heartbeat_s=BEAT_S, election_s=ELECTION_S)
    made.propose(0.0, "x")
    effects = made.tick(made.wake_at or 0.0)
    assert effects.sends == []
    assert Chosen("x") in effects.answers
    assert made.wake_at is None


# Many of them.


def test_one_leads_and_the_others_know_it() -> None:
    cluster = Cluster(5, seed=1)
    cluster.until(lambda: cluster.has_leader)
    assert sum(node.is_leader for node in cluster.nodes.values()) == 1
    leader = cluster.nodes[0].leader
    cluster.run(20 * ELECTION_S)
    assert {node.leader for node in cluster.nodes.values()} == {leader}, "nobody else ever tried"


@pytest.mark.parametrize("seed", range(20))
def test_a_killed_leader_is_replaced(seed: int) -> None:
    cluster = Cluster(5, seed)
    cluster.until(lambda: cluster.has_leader)
    old = next(id for id, node in cluster.nodes.items() if node.is_leader)
    cluster.crash(old)
    cluster.until(lambda: cluster.has_leader, within_s=20 * ELECTION_S)


@pytest.mark.parametrize("seed", range(20))
def test_a_value_that_a_follower_wants_is_decided_and_all_come_to_rest(seed: int) -> None:
    cluster = Cluster(3, seed)
    cluster.until(lambda: cluster.has_leader)
    follower = next(id for id, node in cluster.nodes.items() if not node.is_leader)
    cluster.propose(follower, "x")
    cluster.until(lambda: all(node.value == "x" for node in cluster.nodes.values()))
    cluster.until(lambda: all(node.wake_at is None for node in cluster.nodes.values()))
    cluster.run(50 * ELECTION_S)
    assert not cluster.flying


@pytest.mark.parametrize("seed", range(150))
def test_once_faults_end_all_decide_the_same(seed: int) -> None:
    """Loss, doubles, delays, crashes between durable writes and sends, restarts; then fair weather."""
    rng = Random(seed)
    cluster = Cluster(rng.choice([1, 2, 3, 4, 5]), seed)
    cluster.loss, cluster.double, cluster.late_s = rng.choice([0, 0.1, 0.4]), rng.choice([0, 0.2]), 0.3
    cluster.cut_short = 0.03
    wanted: set[str | None] = set()
    for id in cluster.nodes:
        if rng.random() < 0.7 or not wanted:
            wanted.add(f"v{id}")
            cluster.propose(id, f"v{id}")
    for _ in range(12):
        cluster.run(rng.random() * ELECTION_S)
        which = rng.choice(sorted(cluster.nodes))
        if which in cluster.dead:
            cluster.restart(which)
        else:
            cluster.crash(which)
    cluster.loss = cluster.double = cluster.late_s = cluster.cut_short = 0.0
    for id in sorted(cluster.dead):
        cluster.restart(id)
    for id in cluster.nodes:
        cluster.propose(id, f"v{id}")
        wanted.add(f"v{id}")
    cluster.until(lambda: all(node.value is not None for node in cluster.nodes.values()), 50 * ELECTION_S)
    assert len({node.value for node in cluster.nodes.values()}) == 1
    assert {node.value for node in cluster.nodes.values()} <= wanted
    assert len(cluster.decided) == 1
    cluster.until(lambda: not cluster.flying and all(n.wake_at is None for n in cluster.nodes.values()))
