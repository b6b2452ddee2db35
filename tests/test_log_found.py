"""What the campaign against the log has found, each as short as it can be told; and what it can't find."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bayou.families.log.bugs import BUGS, OUT_OF_REACH
from bayou.families.planting import Patch
from bayou.paxos.ballot import Ballot
from bayou.paxos.effects import Effects
from bayou.paxos.log.clients import Clients
from bayou.paxos.log.inputs import (
    BecomeLeader,
    ChangeMembers,
    Chosen,
    Input,
    LinkDown,
    NotLeader,
    Received,
    Refused,
    Resend,
    Skip,
    Submit,
    TakeSnapshot,
    Tick,
)
from bayou.paxos.log.membership import Membership
from bayou.paxos.log.messages import (
    Accept,
    Accepted,
    Ask,
    Command,
    Decide,
    Decree,
    Decrees,
    Heard,
    Heartbeat,
    LogMessage,
    Members,
    NoOp,
    Prepare,
    Promise,
    SnapshotPart,
    Vote,
)
from bayou.paxos.log.node import LogNode
from bayou.paxos.log.options import LogOptions
from bayou.paxos.log.records import Promised, Snapshot
from bayou.paxos.log.snapshots import Collecting, pack

if TYPE_CHECKING:
    from collections.abc import Callable

THREE = (0, 1, 2)
CLOCKLESS = LogOptions(None, None)
A = Command(0, 1, 0, "a")
B = Command(1, 1, 0, "b")


def node(id: int = 0, members: tuple[int, ...] = THREE, options: LogOptions = CLOCKLESS) -> LogNode:
    return LogNode(id, members, options, random.Random(1))


def step(machine: LogNode, given: Input, now: float = 0.0) -> Effects:
    effects = machine.step(now, given)
    machine.check()
    return effects


def hear(machine: LogNode, sender: int, message: LogMessage) -> list[tuple[int, LogMessage]]:
    """Give it a message; return what it sends."""
    return step(machine, Received(sender, message)).sends  # type: ignore[return-value]


def leader(*promises: tuple[int, tuple[Vote, ...]], options: LogOptions = CLOCKLESS) -> LogNode:
    """Return server 0, to which others have promised its ballot, and told these votes."""
    machine = node(options=options)
    step(machine, BecomeLeader(tuple(sender for sender, _ in promises)))
    for sender, votes in promises:
        hear(machine, sender, Promise(Ballot(1, 0), 0, None, votes))
    assert machine.is_leader
    return machine


def proposed(sends: list[tuple[int, LogMessage]]) -> dict[int, LogMessage]:
    return {message.slot: message.value for _, message in sends if isinstance(message, Accept)}  # type: ignore[misc]


# Snapshots in parts.


def parts(slot: int, text: str, size: int) -> list[SnapshotPart]:
    return [
        SnapshotPart(slot, len(text), start, text[start : start + size])
        for start in range(0, len(text), size)
    ]


def test_snapshots_of_two_senders_do_not_hinder_each_other() -> None:
    """Each part of one made the other begin anew, and none ever was complete."""
    collecting = Collecting()
    one, other = parts(5, "abcdef", 2), parts(7, "ABCDEF", 2)
    for first, second in zip(one[:2], other[:2], strict=True):
        assert collecting.take(1, first)
        assert collecting.take(2, second)
        assert collecting.whole(1, 6) is None
    assert collecting.ask(1) == (5, 4)
    assert collecting.take(2, other[2])
    assert collecting.whole(2, 6) == Snapshot(7, "ABCDEF")
    assert collecting.ask(1) == (None, 0)


def test_an_echo_of_a_part_is_not_taken_and_an_older_snapshot_does_not_come_back() -> None:
    collecting = Collecting()
    first, second, _ = parts(7, "ABCDEF", 2)
    assert collecting.take(1, first)
    assert collecting.take(1, second)
    assert not collecting.take(1, first)
    assert not collecting.take(1, second)
    assert not collecting.take(1, parts(5, "abcdef", 2)[0])
    assert collecting.ask(1) == (7, 4)
    assert collecting.take(1, parts(8, "xyz", 2)[0])
    assert collecting.ask(1) == (8, 2)


def test_an_echo_of_a_part_is_not_answered_but_for_the_first_which_may_answer_a_prepare() -> None:
    machine = node()
    step(machine, BecomeLeader())
    first, second, _ = parts(7, "ABCDEF", 2)
    assert hear(machine, 1, first) == [(1, Ask(0, (), 7, 2))]
    assert hear(machine, 1, second) == [(1, Ask(0, (), 7, 4))]
    assert hear(machine, 1, second) == []
    assert hear(machine, 1, first) == [(1, Ask(0, (), 7, 4))]


def test_who_has_prepared_nothing_answers_no_echo_of_a_part_at_all() -> None:
    """Where each question finds a newer snapshot, each answer is a first part. Each copy of one was asked on
    from, and had copies itself: seed 2,012,413 of the campaign sent 100,000 messages in two seconds."""
    machine = node()
    first, newer = (parts(slot, "ABCDEF", 2)[0] for slot in (7, 8))
    assert [hear(machine, 1, first) for _ in range(3)] == [[(1, Ask(0, (), 7, 2))], [], []]
    assert [hear(machine, 1, newer) for _ in range(3)] == [[(1, Ask(0, (), 8, 2))], [], []]
    assert hear(machine, 1, first) == []
    assert hear(machine, 1, Heartbeat(Ballot.NONE, 9, 9)) == [
        (1, Ask(0, (), 8, 2)),
        (1, Heard(Ballot.NONE, 0, 0)),
    ]  # and what got lost is asked for again


def test_a_server_that_does_not_know_the_members_in_force_makes_no_snapshot() -> None:
    """It would be taken over by the old members, who then do not know any more that they are members."""
    new = node(3, (), LogOptions(None, None, window=3, snapshot_every=1))
    decrees = [Decree(0, Members((0, 1, 3))), *(Decree(slot, NoOp()) for slot in (1, 2))]
    asked = [step(new, Received(0, Decrees((decree,), 3))).answers[-1] for decree in decrees]
    assert asked[:2] == [Chosen(0, Members((0, 1, 3))), Chosen(1, NoOp())]
    assert asked[2] == TakeSnapshot(3)


# Members.


def test_who_is_asked_by_a_server_that_is_ahead_asks_back() -> None:
    """New members never heard of the old ones, whom they need; the old ones do ask the new ones."""
    new = node(3, ())
    hear(new, 0, Decrees((Decree(0, Members((3, 4, 5))),), 1))
    assert new.first == 1
    assert hear(new, 0, Ask(2)) == [(0, Ask(1))]
    assert not any(isinstance(message, Ask) for _, message in hear(new, 0, Ask(1)))


# Commands under way.


def test_a_command_that_was_found_and_superseded_is_taken_when_it_is_sent_again() -> None:
    """It was found in slot 0, in a lower ballot than another value: nobody proposes it any more."""
    low, high = Vote(0, Ballot(0, 1), A), Vote(0, Ballot(0, 2), NoOp())
    machine = leader((1, (low,)), (2, (high,)))
    assert machine.decided == {}
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {1: A}  # type: ignore[arg-type]


def test_a_command_that_was_found_and_is_to_be_proposed_is_not_taken_twice() -> None:
    machine = leader((1, (Vote(0, Ballot(0, 1), A),)), (2, ()))
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {}  # type: ignore[arg-type]


def test_a_command_told_late_of_a_slot_that_is_decided_is_taken() -> None:
    machine = leader((1, ()), (2, ()))
    step(machine, Submit(1, 1, 0, "b"))
    hear(machine, 1, Accepted(Ballot(1, 0), 0))
    assert machine.decided == {0: B}
    hear(machine, 2, Promise(Ballot(1, 0), 0, None, (Vote(0, Ballot(0, 2), A),)))
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {1: A}  # type: ignore[arg-type]


def test_a_command_told_late_of_a_slot_that_is_left_empty_is_taken() -> None:
    machine = leader((1, ()), (2, ()))
    step(machine, Skip((0,)))
    assert proposed(step(machine, Submit(1, 1, 0, "b")).sends) == {1: B}  # type: ignore[arg-type]
    hear(machine, 2, Promise(Ballot(1, 0), 0, None, (Vote(0, Ballot(0, 2), A),)))
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {2: A}  # type: ignore[arg-type]


def test_a_command_told_late_of_a_slot_above_that_is_decided_is_taken() -> None:
    machine = leader((1, ()), (2, ()))
    hear(machine, 1, Decrees((Decree(2, B),), 0))
    hear(machine, 2, Promise(Ballot(1, 0), 0, None, (Vote(2, Ballot(0, 2), A),)))
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {3: A}  # type: ignore[arg-type]


def test_a_command_that_was_found_and_waits_for_its_slot_is_not_taken_twice() -> None:
    votes = (Vote(0, Ballot(0, 1), B), Vote(1, Ballot(0, 1), A))
    machine = leader((1, votes), (2, ()), options=LogOptions(None, None, in_flight=1))
    step(machine, Submit(0, 1, 0, "a"))
    sends = [hear(machine, 1, Accepted(Ballot(1, 0), slot)) for slot in (0, 1)]
    assert [proposed(each) for each in sends] == [{1: A}, {}]


def test_a_command_in_a_slot_that_a_snapshot_has_passed_is_taken_when_it_is_sent_again() -> None:
    machine = leader((1, ()), (2, ()))
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {0: A}  # type: ignore[arg-type]
    text = pack("", Clients(9), Membership([(0, THREE)]))
    hear(machine, 1, SnapshotPart(1, len(text), 0, text))
    assert machine.first == 1
    assert proposed(step(machine, Submit(0, 1, 0, "a")).sends) == {1: A}  # type: ignore[arg-type]


def test_a_command_that_was_refused_is_not_under_way() -> None:
    machine = leader((1, ()), (2, ()), options=LogOptions(None, None, forget_slots=1))
    step(machine, Submit(0, 1, 0, "a"))
    step(machine, Submit(1, 1, 0, "b"))
    hear(machine, 1, Accepted(Ballot(1, 0), 0))
    effects = step(machine, Received(1, Accepted(Ballot(1, 0), 1)))
    assert Refused(1, 1) in effects.answers
    assert machine.leading.under_way == {}


# Promises in parts.


def test_only_a_part_of_a_promise_that_is_news_is_gone_on_from() -> None:
    """An echo of any part made the candidate ask for all parts after it once more."""
    machine = node()
    step(machine, BecomeLeader())
    ballot = Ballot(1, 0)
    one = Promise(ballot, 0, 1, (Vote(0, Ballot(0, 1), A),))
    two = Promise(ballot, 1, 2, (Vote(1, Ballot(0, 1), B),))
    assert (1, Prepare(ballot, 1)) in hear(machine, 1, one)
    assert (1, Prepare(ballot, 2)) in hear(machine, 1, two)
    assert not any(isinstance(message, Prepare) for _, message in hear(machine, 1, one))
    assert not any(isinstance(message, Prepare) for _, message in hear(machine, 1, two))


def test_a_new_member_is_asked_for_the_parts_of_its_promise_that_have_not_come() -> None:
    machine = leader((1, ()), (2, ()), options=LogOptions(None, None, window=2))
    step(machine, ChangeMembers((3,)))
    step(machine, Submit(0, 1, 0, "a"))
    step(machine, Submit(1, 1, 0, "b"))
    hear(machine, 1, Accepted(Ballot(1, 0), 0))
    hear(machine, 3, Promise(Ballot(1, 0), 1, 2, ()))
    sends = step(machine, Resend()).sends
    assert [message for to, message in sends if to == 3 and isinstance(message, Prepare)] == [
        Prepare(Ballot(1, 0), 2)
    ]


def test_a_candidate_whose_time_is_up_settles_for_a_majority() -> None:
    """It was to wait for server 2, which is lost, and nobody says so."""
    machine = node(options=LogOptions(0.1, 0.5))
    step(machine, BecomeLeader((1, 2)))
    hear(machine, 1, Promise(Ballot(1, 0), 0, None, ()))
    assert not machine.is_leader
    step(machine, Tick(), now=10.0)
    assert machine.is_leader


def test_who_leads_at_last_as_another_one_is_lost_does_not_try_once_more() -> None:
    """Server 0 led, and was waited for: that it is lost ends the waiting, and is no reason to campaign."""
    machine = node(1, options=LogOptions(0.1, 0.5))
    step(machine, Received(0, Accept(Ballot(1, 0), 0, A)))
    step(machine, BecomeLeader((0, 2)))
    step(machine, Received(2, Promise(Ballot(2, 1), 0, None, ())))
    assert machine.leader != 1
    effects = step(machine, LinkDown(0))
    assert [message.ballot for _, message in effects.sends if isinstance(message, Accept)] == [
        Ballot(2, 1)
    ] * 2
    assert not any(isinstance(record, Promised) for record in effects.durable)
    assert machine.is_leader


def test_a_candidate_that_tries_anew_says_nothing_more_in_its_ballot_before() -> None:
    """Both times come in one Tick, and a higher ballot was heard of: its own is above the one before."""
    machine = node(1, options=LogOptions(0.1, 0.5))
    step(machine, Received(0, Decrees((Decree(0, A),), 1)))
    first = step(machine, Tick(), 2.0)
    assert [message for _, message in first.sends] == [Prepare(Ballot(1, 1), 1)] * 2
    step(machine, Received(2, Prepare(Ballot(5, 2), 0)), 2.01)  # which is behind, and gets no promise
    second = step(machine, Tick(), 9.0)
    assert [message for _, message in second.sends] == [Prepare(Ballot(6, 1), 1)] * 2


# Clients.


def test_the_name_of_a_leader_is_forgotten_after_an_election_time_out() -> None:
    """Two servers that were left out would send a client to and fro for ever, if it followed each name."""
    machine = node(1, options=LogOptions(0.1, 0.5))
    step(machine, Received(0, Accept(Ballot(1, 0), 0, A)))
    answers = [step(machine, Submit(0, 1, 0, "a"), now).answers[0] for now in (0.1, 0.49, 0.51)]
    assert [answer.leader for answer in answers if isinstance(answer, NotLeader)] == [0, 0, None]


# Bugs that runs of chat and locks do not find.


def test_what_was_found_goes_before_what_waits() -> None:
    """It takes a leader that finds more than its window lets it propose, and a client that is quick."""
    votes = (Vote(0, Ballot(0, 1), A), Vote(1, Ballot(0, 1), B))
    machine = leader((1, votes), options=LogOptions(None, None, window=1))
    step(machine, Submit(2, 1, 0, "c"))
    sends = hear(machine, 1, Accepted(machine.leading.ballot, 0))
    assert proposed(sends) == {1: B}


def test_an_acceptance_of_an_earlier_ballot_of_the_same_leader_is_not_counted() -> None:
    """It takes a leader that is deposed, and leads again before what was accepted first has come."""
    machine = leader((1, ()))
    step(machine, Submit(0, 1, 0, "a"))
    step(machine, BecomeLeader((1,)))
    again = machine.leading.ballot
    assert proposed(hear(machine, 1, Promise(again, 0, None, ()))) == {0: A}
    assert hear(machine, 1, Accepted(Ballot(1, 0), 0)) == []
    assert hear(machine, 1, Accepted(again, 0)) == [(1, Decide(again, 0)), (2, Decide(again, 0))]


CAUGHT_BY: dict[str, Callable[[], None]] = {
    "names of leaders never forgotten": test_the_name_of_a_leader_is_forgotten_after_an_election_time_out,
    "a snapshot of who does not know the members in force": (
        test_a_server_that_does_not_know_the_members_in_force_makes_no_snapshot
    ),
    "a value found and not adopted": test_what_was_found_goes_before_what_waits,
    "Accepted of another ballot counted": (
        test_an_acceptance_of_an_earlier_ballot_of_the_same_leader_is_not_counted
    ),
}


def test_every_bug_that_the_campaign_does_not_find_is_caught() -> None:
    assert set(OUT_OF_REACH) <= set(CAUGHT_BY)


@pytest.mark.parametrize("bug", CAUGHT_BY)
def test_a_planted_bug_that_a_campaign_does_not_find_is_caught(bug: str) -> None:
    patch = Patch()
    try:
        {**BUGS, **OUT_OF_REACH}[bug](patch)
        with pytest.raises(AssertionError):
            CAUGHT_BY[bug]()
    finally:
        patch.undo()
