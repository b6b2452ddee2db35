"""Consensus, section 5: the roles of a single decree, and the command that runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from bayou import paxos
from bayou._record import Record
from bayou.paxos import (
    Accept,
    Accepted,
    AcceptedRecord,
    Acceptor,
    Ballot,
    Chosen,
    Decide,
    Elected,
    Election,
    HeartbeatNode,
    LeaderChanged,
    Learner,
    Nack,
    Node,
    Preempted,
    Prepare,
    Promise,
    Promised,
    Proposer,
    RingElection,
    Used,
)
from tests.processes import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from bayou.paxos import Effects

LOW, MIDDLE, HIGH = Ballot(1, 0), Ballot(1, 1), Ballot(2, 0)


def decide(*arguments: str) -> tuple[list[str], str, int]:
    """Run ``bayou paxos decide``; return what it printed, what it said and its status."""
    done = subprocess.run(
        [sys.executable, "-m", "bayou", "paxos", "decide", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.splitlines(), done.stderr, done.returncode


# The objects.


def test_consensus5_ballots_are_ordered_as_tuples() -> None:
    """Ballots are ordered by number and then by node, and Ballot.NONE is below all."""
    assert sorted([HIGH, MIDDLE, Ballot.NONE, LOW]) == [Ballot.NONE, LOW, MIDDLE, HIGH]
    assert (Ballot.NONE, LOW) == ((0, -1), (1, 0))


def test_consensus5_effects_come_in_the_order_of_carrying_out() -> None:
    """A role takes an input and returns effects: what to make durable, by name, then what to send, then
    answers."""
    effects = Acceptor(3, [8]).receive(0, Accept(LOW, "x"))
    assert effects.durable == [AcceptedRecord(LOW, "x")]
    assert effects.sends == [(0, Accepted(LOW, "x")), (8, Accepted(LOW, "x"))]
    assert effects.answers == []
    assert vars(type(effects)).keys() >= {"durable", "sends", "answers"}


def test_consensus5_messages_and_records_have_the_fields_of_the_paper() -> None:
    """Messages are immutable and have the paper's names and fields."""
    fields: dict[type[Record], tuple[str, ...]] = {
        Prepare: ("ballot",), Promise: ("ballot", "accepted"), Accept: ("ballot", "value"),
        Accepted: ("ballot", "value"), Nack: ("ballot", "promised"), Decide: ("value",),
        Used: ("ballot",), Promised: ("ballot",), AcceptedRecord: ("ballot", "value"),
        paxos.Decided: ("value",), Election: ("id",), Elected: ("id",),
    }  # fmt: skip
    for kind, names in fields.items():
        assert kind.field_names == names
    with pytest.raises((AttributeError, TypeError)):
        Prepare(LOW).ballot = HIGH  # type: ignore[misc]


def test_consensus5_an_acceptor_promises_and_accepts_nothing_lower() -> None:
    """An acceptor promises and accepts what is not below its promise, answers anything lower with a Nack, and
    what is equal again."""
    acceptor = Acceptor(3)
    assert acceptor.receive(1, Prepare(MIDDLE)).sends == [(1, Promise(MIDDLE, None))]
    assert acceptor.receive(0, Prepare(LOW)).sends == [(0, Nack(LOW, MIDDLE))]
    assert acceptor.receive(0, Accept(LOW, "x")).sends == [(0, Nack(LOW, MIDDLE))]
    assert acceptor.receive(1, Prepare(MIDDLE)).sends == [(1, Promise(MIDDLE, None))]
    assert acceptor.receive(0, Accept(HIGH, "y")).sends == [(0, Accepted(HIGH, "y"))], (
        "which raises the promise"
    )
    assert acceptor.receive(1, Prepare(MIDDLE)).sends == [(1, Nack(MIDDLE, HIGH))]


def test_consensus5_a_proposer_takes_the_value_of_the_highest_ballot() -> None:
    """A proposer proposes the value of the highest ballot among the promises of a majority, and its own only
    where none has one."""

    def proposed(*accepted: Accepted | None) -> set[object]:
        proposer = Proposer(5, [0, 1, 2])
        proposer.propose("own")
        sends = [
            each
            for sender, value in enumerate(accepted)
            for each in proposer.receive(sender, Promise(proposer.ballot, value)).sends
        ]
        return {message.value for _, message in sends if isinstance(message, Accept)}

    assert proposed(None, None) == {"own"}
    assert proposed(None) == set(), "one of three is no majority"
    assert proposed(Accepted(Ballot(0, 1), "a"), None) == {"a"}
    assert proposed(Accepted(Ballot(0, 1), "a"), Accepted(Ballot(0, 2), "b")) == {"b"}


def test_consensus5_a_majority_is_of_distinct_acceptors_in_one_ballot() -> None:
    """A value is decided when a majority of distinct acceptors accepted it in one ballot, however often each
    says so."""
    learner = Learner(9, [0, 1, 2, 3, 4])
    for sender, ballot in ((0, LOW), (0, LOW), (1, LOW), (1, LOW), (2, HIGH), (3, HIGH), (7, LOW)):
        assert learner.receive(sender, Accepted(ballot, "x")).answers == []
    assert learner.value is None
    assert learner.receive(4, Accepted(LOW, "x")).answers == [Chosen("x")]
    assert learner.value == "x"


def test_consensus5_a_nack_preempts_a_bare_proposer() -> None:
    """A Nack preempts a bare proposer, which says so and waits for whoever drives it to prepare again, above
    what it has heard of."""
    proposer = Proposer(0, [1, 2, 3])
    proposer.propose("x")
    effects = proposer.receive(1, Nack(LOW, Ballot(7, 3)))
    assert (effects.answers, effects.sends) == ([Preempted(Ballot(7, 3))], [])
    assert proposer.resend().sends == []
    assert proposer.prepare().durable == [Used(Ballot(8, 0))]


def test_consensus5_a_prepared_proposer_goes_straight_to_accept() -> None:
    """Where a majority has promised already, a value goes out at once."""
    proposer = Proposer(0, [1, 2, 3])
    proposer.prepare()
    for acceptor in (1, 2):
        assert proposer.receive(acceptor, Promise(LOW)).sends == []
    assert proposer.propose("x").sends == [(acceptor, Accept(LOW, "x")) for acceptor in (1, 2, 3)]


def test_consensus5_what_is_unanswered_is_sent_again() -> None:
    """resend asks those who have not answered, and everyone if it is to, so that learners are told again."""
    proposer = Proposer(0, [1, 2, 3])
    proposer.propose("x")
    proposer.receive(2, Promise(LOW))
    assert proposer.resend().sends == [(1, Prepare(LOW)), (3, Prepare(LOW))]
    proposer.receive(1, Promise(LOW))
    proposer.receive(1, Accepted(LOW, "x"))
    assert proposer.receive(2, Accepted(LOW, "x")).answers == [Chosen("x")]
    assert proposer.resend().sends == []
    assert len(proposer.resend(everyone=True).sends) == 3
    acceptor = Acceptor(1, [9])
    for _ in range(2):
        assert (9, Accepted(LOW, "x")) in acceptor.receive(0, Accept(LOW, "x")).sends


def test_consensus5_no_ballot_is_used_twice() -> None:
    """A proposer made again from its records uses no ballot again, since Used is durable before it leaves."""
    proposer = Proposer(0, [1, 2, 3])
    records = proposer.propose("x").durable
    assert records == [Used(LOW)]
    assert Proposer(0, [1, 2, 3], records).propose("y").durable == [Used(HIGH)]


def test_consensus5_a_role_goes_on_from_its_records() -> None:
    """An acceptor, a learner and a node made again from their records go on where they were."""
    acceptor = Acceptor(3)
    records = [
        *acceptor.receive(0, Prepare(MIDDLE)).durable,
        *acceptor.receive(0, Accept(MIDDLE, "x")).durable,
        *acceptor.receive(0, Prepare(HIGH)).durable,
    ]
    again = Acceptor(3, (), records)
    assert again.receive(1, Prepare(MIDDLE)).sends == [(1, Nack(MIDDLE, HIGH))]
    assert again.receive(0, Prepare(HIGH)).sends == [(0, Promise(HIGH, Accepted(MIDDLE, "x")))]
    learner = Learner(9, [1])
    assert Learner(9, [1], learner.receive(1, Accepted(LOW, "x")).durable).value == "x"
    node = Node(0, [0])
    assert Node(0, [0], node.propose("x").durable).value == "x"


def test_consensus5_a_node_that_has_decided_says_so() -> None:
    """A node that has decided answers every Prepare and Accept with Decide."""
    node = Node(0, [0, 1, 2])
    node.receive(1, Decide("x"))
    assert node.receive(2, Prepare(HIGH)).sends == [(2, Decide("x"))]
    assert node.receive(2, Accept(HIGH, "y")).sends == [(2, Decide("x"))]


def test_consensus5_messages_of_a_node_to_itself_stay_within() -> None:
    """A node plays all three roles, and what they say to each other never leaves it."""
    node = Node(0, [0, 1, 2])
    assert [to for to, _ in node.propose("x").sends] == [1, 2]
    effects = node.receive(1, Promise(LOW))
    assert [to for to, message in effects.sends if isinstance(message, Accept)] == [1, 2]
    assert all(to != 0 for to, _ in effects.sends)
    assert AcceptedRecord(LOW, "x") in effects.durable
    assert Chosen("x") in node.receive(1, Accepted(LOW, "x")).answers


def test_consensus5_a_node_with_heartbeats_leads_on_silence() -> None:
    """A node with heartbeats prepares only on silence, and leads once it has a majority of promises."""
    node = HeartbeatNode(0, [0, 1, 2], rng=Random(1), heartbeat_s=0.1, election_s=0.5)
    assert node.tick(0.0).sends == []
    assert node.wake_at is not None
    assert 0.5 <= node.wake_at <= 1.0
    assert {type(message) for _, message in node.tick(node.wake_at).sends} == {Prepare}
    effects = node.receive(1.0, 1, Promise(node.proposer.ballot))
    assert (node.is_leader, node.leader, effects.answers) == (True, 0, [LeaderChanged(0)])


def test_consensus5_the_highest_id_is_elected_on_a_ring() -> None:
    """On a ring a node sends its id clockwise, forwards larger ids, swallows smaller ones, and is elected
    when its own returns."""
    ring = {id: RingElection(id, [2, 0, 3, 1]) for id in range(4)}
    post: list[tuple[int, int, Any]] = []
    answers: list[tuple[int, object]] = []

    def carry_out(node: int, effects: Effects) -> None:
        post.extend((node, to, message) for to, message in effects.sends)
        answers.extend((node, answer) for answer in effects.answers)

    for id, node in ring.items():
        carry_out(id, node.start())
    assert post[0] == (0, 3, Election(0))
    while post:
        sender, to, message = post.pop(0)
        carry_out(to, ring[to].receive(sender, message))
    assert sorted(answers, key=str) == [(id, LeaderChanged(3)) for id in range(4)]


# The command.


@pytest.mark.processes
@pytest.mark.parametrize("world", ["sim", "processes"])
def test_consensus5_every_client_gets_the_one_value(world: str) -> None:
    """bayou paxos decide prints for each client, by id, the one value that was chosen, though a minority of
    acceptors is killed."""
    arguments = (
        "--proposers",
        "2",
        "--acceptors",
        "3",
        "--learners",
        "1",
        "--value",
        "210",
        "--value",
        "7@1",
    )
    printed, said, status = decide(*arguments, "--kill", "3", "--world", world, "--seed", "3")
    assert (said, status) == ("", 0)
    (value,) = {line.split(": ")[1] for line in printed}
    assert value in ("210", "7")
    assert printed == [f"6: {value}", f"7: {value}"]


@pytest.mark.processes
@pytest.mark.parametrize("world", ["sim", "processes"])
@pytest.mark.parametrize(
    ("killed", "what"),
    [(("2", "3"), "acceptors"), (("0", "1"), "proposer"), (("5",), "learner")],
)
def test_consensus5_where_a_role_is_lost_it_says_which(
    world: str, killed: tuple[str, ...], what: str
) -> None:
    """Without a majority of acceptors, a proposer or a learner it ends at once with status 3, and says what
    is missing."""
    kills = [word for id in killed for word in ("--kill", id)]
    arguments = (
        "--proposers",
        "2",
        "--acceptors",
        "3",
        "--learners",
        "1",
        "--value",
        "x",
        "--timeout",
        "0.1",
    )
    printed, said, status = decide(*arguments, *kills, "--world", world)
    assert (printed, status) == ([], 3)
    assert what in said
    assert len(said.splitlines()) == 1


@pytest.mark.processes
def test_consensus5_a_silent_proposer_is_passed_over() -> None:
    """A client whose proposer is silent goes on to the next one."""
    arguments = ("--proposers", "2", "--value", "x@0", "--value", "y@0", "--timeout", "0.2", "--kill", "0")
    for world in ("sim", "processes"):
        printed, said, status = decide(*arguments, "--world", world)
        assert (len(printed), said, status) == (2, "", 0)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
def test_consensus5_nothing_is_left_running() -> None:
    """However the command ends, all that it started ends with it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bayou", "paxos", "decide", "--value", "x", "--kill", "0", "--timeout", "60"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip

    def others() -> list[int]:
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.getsid(int(entry)) == process.pid and int(entry) != process.pid:
                    found.append(int(entry))
            except ProcessLookupError:
                continue
        return found

    wait_until(lambda: others() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    wait_until(lambda: not others())
