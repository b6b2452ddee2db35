"""The roles of single decree, rule by rule, as *Paxos Made Simple* has them (named by its sections)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import bayou.paxos
from bayou.core.errors import Misuse
from bayou.machine.messages import Done
from bayou.paxos import (
    Accept,
    Accepted,
    AcceptedRecord,
    Acceptor,
    Ballot,
    Chosen,
    Decide,
    Decided,
    Heartbeat,
    Learner,
    Nack,
    Node,
    Preempted,
    Prepare,
    Promise,
    Promised,
    Proposer,
    Used,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.machine.messages import Message
    from bayou.paxos import Effects

Parts = tuple[list[Any], list[Any], list[Any]]
LOW, MIDDLE, HIGH = Ballot(1, 0), Ballot(1, 1), Ballot(2, 0)
SIX_TO_EIGHT = [6, 7, 8]


def parts(effects: Effects) -> Parts:
    """What is durable, what is sent, what is answered."""
    return effects.durable, effects.sends, effects.answers


NOTHING: Parts = ([], [], [])


def to_all(message: Message) -> list[tuple[int, Message]]:
    return [(acceptor, message) for acceptor in SIX_TO_EIGHT]


# Ballots.


def test_ballots_are_ordered_by_number_then_by_node() -> None:
    assert Ballot.NONE < Ballot(0, 0) < Ballot(1, 0) < Ballot(1, 1) < Ballot(2, 0)
    assert Ballot.NONE == Ballot(0, -1) == (0, -1)


# Section 2.2: the acceptor.


def test_phase_1_b_an_acceptor_promises_and_the_promise_is_durable_first() -> None:
    acceptor = Acceptor(6)
    assert parts(acceptor.receive(0, Prepare(LOW))) == ([Promised(LOW)], [(0, Promise(LOW, None))], [])
    assert (acceptor.node, acceptor.promised) == (6, LOW)


def test_phase_1_b_a_promise_names_the_highest_numbered_proposal_that_was_accepted() -> None:
    acceptor = Acceptor(6)
    acceptor.receive(0, Accept(LOW, "a"))
    acceptor.receive(1, Accept(MIDDLE, "b"))
    effects = acceptor.receive(0, Prepare(HIGH))
    assert parts(effects) == ([Promised(HIGH)], [(0, Promise(HIGH, Accepted(MIDDLE, "b")))], [])


def test_p1a_an_acceptor_accepts_what_it_has_not_promised_to_refuse() -> None:
    """Also what it never promised anything about, and its promise goes up with it."""
    acceptor = Acceptor(6, learners=[9, 10])
    told = [(0, Accepted(LOW, "a")), (9, Accepted(LOW, "a")), (10, Accepted(LOW, "a"))]
    assert parts(acceptor.receive(0, Accept(LOW, "a"))) == ([AcceptedRecord(LOW, "a")], told, [])
    assert (acceptor.promised, acceptor.accepted) == (LOW, Accepted(LOW, "a"))


@pytest.mark.parametrize("request_below", [Prepare(LOW), Accept(LOW, "a")])
def test_an_acceptor_refuses_what_is_below_its_promise(request_below: Message) -> None:
    for higher in (Prepare(MIDDLE), Accept(MIDDLE, "b")):
        acceptor = Acceptor(6, learners=[9])
        acceptor.receive(1, higher)
        before = acceptor.promised, acceptor.accepted
        assert parts(acceptor.receive(0, request_below)) == ([], [(0, Nack(LOW, MIDDLE))], [])
        assert (acceptor.promised, acceptor.accepted) == before


def test_what_is_equal_is_answered_again_and_written_once() -> None:
    acceptor = Acceptor(6, learners=[9])
    acceptor.receive(0, Prepare(LOW))
    assert parts(acceptor.receive(0, Prepare(LOW))) == ([], [(0, Promise(LOW, None))], [])
    acceptor.receive(0, Accept(LOW, "a"))
    told = [(0, Accepted(LOW, "a")), (9, Accepted(LOW, "a"))]
    assert parts(acceptor.receive(0, Accept(LOW, "a"))) == ([], told, [])
    assert parts(acceptor.receive(0, Prepare(LOW))) == ([], [(0, Promise(LOW, Accepted(LOW, "a")))], [])


def test_an_acceptor_may_accept_a_higher_ballot_after_a_lower_one() -> None:
    acceptor = Acceptor(6)
    acceptor.receive(0, Accept(LOW, "a"))
    assert acceptor.receive(1, Accept(MIDDLE, "b")).durable == [AcceptedRecord(MIDDLE, "b")]
    assert acceptor.accepted == Accepted(MIDDLE, "b")


def test_a_second_value_in_a_ballot_is_ignored() -> None:
    acceptor = Acceptor(6, learners=[9])
    acceptor.receive(0, Accept(LOW, "a"))
    assert parts(acceptor.receive(0, Accept(LOW, "b"))) == NOTHING
    assert acceptor.accepted == Accepted(LOW, "a")


def test_a_proposer_that_is_a_learner_too_is_told_once() -> None:
    acceptor = Acceptor(6, learners=[1, 0, 1])
    assert [to for to, _ in acceptor.receive(0, Accept(LOW, "a")).sends] == [0, 1]


def test_an_acceptor_made_again_from_its_records_goes_on_where_it_was() -> None:
    acceptor = Acceptor(6, records=[Promised(LOW), AcceptedRecord(LOW, "a"), Promised(HIGH)])
    assert (acceptor.promised, acceptor.accepted) == (HIGH, Accepted(LOW, "a"))
    assert acceptor.receive(1, Accept(MIDDLE, "b")).sends == [(1, Nack(MIDDLE, HIGH))]
    only_accepted = Acceptor(6, records=[AcceptedRecord(HIGH, "a")])
    assert (only_accepted.promised, only_accepted.accepted) == (HIGH, Accepted(HIGH, "a"))


# Section 2.2: the proposer.


def prepared(*accepted: Accepted | None, wish: str | None = "mine") -> tuple[Proposer, Effects]:
    """A proposer of node 0, after phase 1 with promises of 6, 7, ... that told this."""
    proposer = Proposer(0, SIX_TO_EIGHT)
    effects = proposer.prepare() if wish is None else proposer.propose(wish)
    proposer.see(Ballot(5, 3))
    effects = proposer.prepare()
    assert effects.sends == to_all(Prepare(Ballot(6, 0)))
    for sender, found in zip(SIX_TO_EIGHT, accepted, strict=False):
        effects = proposer.receive(sender, Promise(proposer.ballot, found))
    return proposer, effects


def test_phase_1_a_a_proposer_prepares_a_new_ballot_that_is_durable_first() -> None:
    proposer = Proposer(4, SIX_TO_EIGHT)
    expected: Parts = ([Used(Ballot(1, 4))], to_all(Prepare(Ballot(1, 4))), [])
    assert parts(proposer.propose("mine")) == expected


def test_phase_2_a_a_proposer_proposes_its_own_value_where_none_was_accepted() -> None:
    proposer, effects = prepared(None, None)
    assert parts(effects) == ([], to_all(Accept(proposer.ballot, "mine")), [])


def test_phase_2_a_waits_for_a_majority_of_distinct_acceptors() -> None:
    proposer, effects = prepared(None)
    assert parts(effects) == NOTHING
    assert not proposer.is_prepared
    assert parts(proposer.receive(6, Promise(proposer.ballot, None))) == NOTHING
    assert parts(proposer.receive(9, Promise(proposer.ballot, None))) == NOTHING, "9 is no acceptor"
    assert parts(proposer.receive(7, Promise(LOW, None))) == NOTHING, "of another ballot"
    assert proposer.receive(7, Promise(proposer.ballot, None)).sends != []


@pytest.mark.parametrize(
    "accepted",
    [
        (Accepted(HIGH, "theirs"), Accepted(LOW, "older")),
        (Accepted(LOW, "older"), Accepted(HIGH, "theirs")),
        (None, Accepted(HIGH, "theirs")),
        (Accepted(HIGH, "theirs"), None),
    ],
)
def test_p2c_a_proposer_takes_the_value_of_the_highest_numbered_proposal(
    accepted: tuple[Accepted | None, ...],
) -> None:
    proposer, effects = prepared(*accepted)
    assert effects.sends == to_all(Accept(proposer.ballot, "theirs"))


def test_a_ballot_has_one_value_for_good() -> None:
    proposer, _ = prepared(None, None)
    assert parts(proposer.propose("another")) == NOTHING
    assert parts(proposer.receive(8, Promise(proposer.ballot, Accepted(HIGH, "theirs")))) == NOTHING
    assert proposer.resend().sends == to_all(Accept(proposer.ballot, "mine"))


def test_section_2_5_a_proposer_goes_straight_to_accept_where_a_majority_has_promised() -> None:
    proposer, effects = prepared(None, None, wish=None)
    assert parts(effects) == NOTHING
    assert proposer.is_prepared
    assert parts(proposer.resend(everyone=True)) == NOTHING
    assert parts(proposer.propose("late")) == ([], to_all(Accept(proposer.ballot, "late")), [])


def test_a_prepared_proposer_without_a_value_goes_on_with_one_that_it_finds() -> None:
    proposer, effects = prepared(None, Accepted(LOW, "theirs"), wish=None)
    assert effects.sends == to_all(Accept(proposer.ballot, "theirs"))


def test_the_latest_wish_counts_until_it_is_proposed() -> None:
    proposer = Proposer(0, SIX_TO_EIGHT)
    proposer.propose("first")
    assert parts(proposer.propose("second")) == NOTHING
    proposer.receive(6, Promise(proposer.ballot, None))
    assert proposer.receive(7, Promise(proposer.ballot, None)).sends == to_all(
        Accept(proposer.ballot, "second")
    )


def test_a_promise_that_can_t_be_is_ignored() -> None:
    """Whoever accepted this ballot, or a higher one, would not promise it now for the first time."""
    proposer, _ = prepared(None)
    for ballot in (proposer.ballot, Ballot(7, 1)):
        assert parts(proposer.receive(7, Promise(proposer.ballot, Accepted(ballot, "x")))) == NOTHING
    assert not proposer.is_prepared


def test_a_value_is_chosen_once_a_majority_has_accepted_it() -> None:
    proposer, _ = prepared(None, None)
    accepted = Accepted(proposer.ballot, "mine")
    for sender, message in ((6, accepted), (6, accepted), (7, Accepted(LOW, "mine")), (9, accepted)):
        assert parts(proposer.receive(sender, message)) == NOTHING
    assert parts(proposer.receive(8, accepted)) == ([], [], [Chosen("mine")])
    assert proposer.value == "mine"
    assert parts(proposer.receive(7, accepted)) == NOTHING
    assert parts(proposer.propose("another")) == ([], [], [Chosen("mine")])


def test_a_proposer_stops_when_the_value_is_chosen() -> None:
    proposer, _ = prepared(None, None)
    for sender in (6, 7):
        proposer.receive(sender, Accepted(proposer.ballot, "mine"))
    assert parts(proposer.resend()) == NOTHING
    assert parts(proposer.receive(8, Nack(proposer.ballot, Ballot(9, 9)))) == NOTHING


def test_learners_that_missed_it_are_told_again_by_way_of_the_acceptors() -> None:
    """Section 2.3. Where a higher ballot is in the way by now, the proposer is told so."""
    proposer, _ = prepared(None, None)
    for sender in (6, 7):
        proposer.receive(sender, Accepted(proposer.ballot, "mine"))
    assert proposer.resend(everyone=True).sends == to_all(Accept(proposer.ballot, "mine"))
    effects = proposer.receive(8, Nack(proposer.ballot, Ballot(9, 9)))
    assert effects.answers == [Preempted(Ballot(9, 9))]
    assert parts(proposer.resend(everyone=True)) == NOTHING
    assert proposer.prepare().sends == to_all(Prepare(Ballot(10, 0)))


def test_resend_asks_those_who_have_not_answered() -> None:
    proposer = Proposer(0, SIX_TO_EIGHT)
    assert parts(proposer.resend()) == parts(proposer.resend(everyone=True)) == NOTHING
    proposer.propose("mine")
    proposer.receive(7, Promise(LOW, None))
    assert proposer.resend().sends == [(6, Prepare(LOW)), (8, Prepare(LOW))]
    assert proposer.resend(everyone=True).sends == to_all(Prepare(LOW))
    proposer.receive(6, Promise(LOW, None))
    proposer.receive(8, Accepted(LOW, "mine"))
    assert proposer.resend().sends == [(6, Accept(LOW, "mine")), (7, Accept(LOW, "mine"))]
    assert proposer.resend(everyone=True).sends == to_all(Accept(LOW, "mine"))


def test_a_nack_preempts_a_proposer_once() -> None:
    proposer = Proposer(0, SIX_TO_EIGHT)
    proposer.propose("mine")
    assert parts(proposer.receive(7, Nack(LOW, HIGH))) == ([], [], [Preempted(HIGH)])
    assert parts(proposer.receive(8, Nack(LOW, HIGH))) == NOTHING
    assert parts(proposer.resend()) == NOTHING
    for sender in (6, 7):
        assert parts(proposer.receive(sender, Promise(LOW, None))) == NOTHING, "that ballot is given up"
    assert parts(proposer.prepare()) == ([Used(Ballot(3, 0))], to_all(Prepare(Ballot(3, 0))), [])


def test_a_nack_of_an_older_ballot_preempts_nothing() -> None:
    proposer, _ = prepared(None)
    assert parts(proposer.receive(7, Nack(LOW, Ballot(9, 9)))) == NOTHING
    assert parts(proposer.receive(7, Nack(proposer.ballot, proposer.ballot))) == NOTHING
    assert parts(proposer.receive(4, Nack(proposer.ballot, Ballot(30, 9)))) == NOTHING, "4 is no acceptor"
    assert proposer.receive(8, Promise(proposer.ballot, None)).sends != []
    assert proposer.prepare().durable == [Used(Ballot(10, 0))], "but it has been seen"


def test_a_proposal_that_was_preempted_may_yet_be_chosen() -> None:
    proposer, _ = prepared(None, None)
    proposer.receive(8, Nack(proposer.ballot, Ballot(9, 9)))
    proposer.receive(6, Accepted(proposer.ballot, "mine"))
    assert proposer.receive(7, Accepted(proposer.ballot, "mine")).answers == [Chosen("mine")]


def test_section_2_5_no_ballot_is_used_twice() -> None:
    """Also where the crash came right after the record, and whatever else was seen."""
    proposer = Proposer(0, SIX_TO_EIGHT, [Used(Ballot(7, 0)), Used(Ballot(8, 0))])
    assert proposer.prepare().durable == [Used(Ballot(9, 0))]
    assert proposer.prepare().durable == [Used(Ballot(10, 0))]


def test_a_proposer_that_was_told_is_done() -> None:
    proposer = Proposer(0, SIX_TO_EIGHT)
    proposer.propose("mine")
    assert parts(proposer.receive(6, Decide("theirs"))) == ([], [], [Chosen("theirs")])
    assert parts(proposer.resend()) == NOTHING
    assert parts(Proposer(0, SIX_TO_EIGHT, [Decided("x")]).propose("y")) == ([], [], [Chosen("x")])


def test_none_is_no_value() -> None:
    for role in (Proposer(0, [0]), Node(0, [0])):
        with pytest.raises(Misuse, match="None is no value"):
            role.propose(None)  # type: ignore[arg-type]


# Section 2.3: the learner.


def test_section_2_3_a_learner_counts_distinct_acceptors() -> None:
    learner = Learner(9, [1, 2, 3, 4, 5])
    accepted = Accepted(LOW, "a")
    for sender in (1, 1, 1, 2, 9, 2):
        assert parts(learner.receive(sender, accepted)) == NOTHING
    assert parts(learner.receive(5, accepted)) == ([Decided("a")], [], [Chosen("a")])
    assert learner.value == "a"
    assert parts(learner.receive(4, accepted)) == NOTHING


@pytest.mark.parametrize(("acceptors", "enough"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4)])
def test_a_majority_is_more_than_half_of_all(acceptors: int, enough: int) -> None:
    learner = Learner(9, range(acceptors))
    for sender in range(enough):
        assert learner.value is None
        learner.receive(sender, Accepted(LOW, "a"))
    assert learner.value == "a"


def test_a_learner_counts_each_ballot_alone() -> None:
    """The same value in two ballots, by one acceptor each, is not chosen."""
    learner = Learner(9, SIX_TO_EIGHT)
    learner.receive(6, Accepted(LOW, "a"))
    assert parts(learner.receive(7, Accepted(MIDDLE, "a"))) == NOTHING
    learner.receive(7, Accepted(LOW, "a"))  # late, and yet it was chosen in that ballot
    assert learner.value == "a"


def test_a_learner_believes_what_is_decided_and_never_changes_its_mind() -> None:
    learner = Learner(9, SIX_TO_EIGHT)
    assert parts(learner.receive(4, Decide("a"))) == ([Decided("a")], [], [Chosen("a")])
    assert parts(learner.receive(4, Decide("b"))) == NOTHING
    assert (learner.value, Learner(9, SIX_TO_EIGHT, [Decided("a")]).value) == ("a", "a")


# All three in one.


def test_messages_of_a_node_to_itself_never_leave_it() -> None:
    node = Node(1, [0, 1, 2])
    ballot = Ballot(1, 1)
    expected: Parts = [Used(ballot), Promised(ballot)], [(0, Prepare(ballot)), (2, Prepare(ballot))], []
    assert parts(node.propose("mine")) == expected
    accept, accepted = Accept(ballot, "mine"), Accepted(ballot, "mine")
    expected = [AcceptedRecord(ballot, "mine")], [(0, accept), (2, accept), (0, accepted), (2, accepted)], []
    assert parts(node.receive(2, Promise(ballot, None))) == expected
    assert parts(node.receive(0, accepted)) == ([Decided("mine")], [], [Chosen("mine")])
    assert node.value == "mine"


def test_a_node_alone_decides_at_once() -> None:
    ballot = Ballot(1, 4)
    durable = [Used(ballot), Promised(ballot), AcceptedRecord(ballot, "x"), Decided("x")]
    assert parts(Node(4, [4]).propose("x")) == (durable, [], [Chosen("x")])


def test_a_node_that_has_decided_answers_every_prepare_and_accept_with_that() -> None:
    node = Node(1, [0, 1, 2], [Decided("x")])
    for message in (Prepare(LOW), Accept(HIGH, "y")):
        assert parts(node.receive(2, message)) == ([], [(2, Decide("x"))], [])
    assert parts(node.prepare()) == parts(node.propose("y")) == ([], [], [Chosen("x")])
    assert parts(node.resend()) == NOTHING
    assert node.resend(everyone=True).sends == [(0, Decide("x")), (2, Decide("x"))]


def test_a_node_that_is_told_stops_proposing() -> None:
    node = Node(1, [0, 1, 2])
    node.propose("mine")
    assert parts(node.receive(0, Decide("x"))) == ([Decided("x")], [], [Chosen("x")])
    assert parts(node.resend()) == NOTHING
    assert parts(node.receive(0, Nack(Ballot(1, 1), HIGH))) == NOTHING


def test_a_node_prepares_above_what_it_has_promised_to_others() -> None:
    node = Node(1, [0, 1, 2])
    node.receive(0, Prepare(Ballot(6, 0)))
    assert node.prepare().durable == [Used(Ballot(7, 1)), Promised(Ballot(7, 1))]
    again = Node(1, [0, 1, 2], [Promised(Ballot(6, 0))])
    assert again.prepare().durable == [Used(Ballot(7, 1)), Promised(Ballot(7, 1))]


def test_a_node_asks_again() -> None:
    node = Node(1, [0, 1, 2])
    node.propose("mine")
    assert node.resend().sends == [(0, Prepare(MIDDLE)), (2, Prepare(MIDDLE))]


def test_a_node_made_again_from_its_records_goes_on_where_it_was() -> None:
    records = [Used(MIDDLE), Promised(HIGH), AcceptedRecord(MIDDLE, "a")]
    node = Node(1, [0, 1, 2], iter(records))
    assert node.receive(0, Prepare(HIGH)).sends == [(0, Promise(HIGH, Accepted(MIDDLE, "a")))]
    assert node.receive(2, Prepare(MIDDLE)).sends == [(2, Nack(MIDDLE, HIGH))]


# What does not belong.


ROLES: dict[str, Callable[[], Any]] = {
    "proposer": lambda: prepared(None)[0],
    "acceptor": lambda: Acceptor(6, records=[Promised(HIGH)]),
    "learner": lambda: Learner(9, SIX_TO_EIGHT),
    "node": lambda: Node(1, [0, 1, 2, 6]),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("message", [Done(), Heartbeat(HIGH), None, 7, "prepare"], ids=repr)
def test_what_is_no_message_for_a_role_is_ignored(role: str, message: Any) -> None:
    assert parts(ROLES[role]().receive(6, message)) == NOTHING


def test_what_strangers_say_is_ignored() -> None:
    node = Node(1, [0, 1, 2])
    for sender in (1, 7):
        for message in (Prepare(HIGH), Accept(HIGH, "x"), Decide("x")):
            assert parts(node.receive(sender, message)) == NOTHING
    assert (node.acceptor.promised, node.value) == (Ballot.NONE, None)


def test_records_of_others_are_refused() -> None:
    with pytest.raises(Misuse, match="is no record of proposer 0"):
        Proposer(0, SIX_TO_EIGHT, [Used(Ballot(1, 1))])
    for make in (
        lambda: Proposer(0, [1], [Done()]), lambda: Acceptor(0, [], [7]), lambda: Learner(0, [1], [LOW]),
    ):  # fmt: skip
        with pytest.raises(Misuse, match="is no record of a proposer, an acceptor or a learner"):
            make()


@pytest.mark.parametrize("ids", [[], [0, 1, 0]])
def test_members_are_some_and_each_of_them_once(ids: list[int]) -> None:
    for make in (Proposer, Learner, Node):
        with pytest.raises(Misuse, match="each of them once"):
            make(0, ids)


def test_a_node_is_one_of_the_nodes() -> None:
    with pytest.raises(Misuse, match="node 3 is none of"):
        Node(3, [0, 1, 2])


# The package.


def test_the_package_has_what_it_says() -> None:
    assert sorted(bayou.paxos.__all__) == bayou.paxos.__all__
    for name in bayou.paxos.__all__:
        assert getattr(bayou.paxos, name).__name__ == name
        assert name in dir(bayou.paxos)
    with pytest.raises(AttributeError, match="no attribute 'Multipaxos'"):
        bayou.paxos.Multipaxos  # type: ignore[attr-defined]  # noqa: B018


def modules_loaded(code: str) -> set[str]:
    """Return which modules are there after some code that were not before, in a process of its own."""
    script = (
        f"import sys; sys.path = {sys.path!r}; before = set(sys.modules)\n{code}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


BASIS = {
    "bayou", "bayou._record", "bayou.core", "bayou.core.errors", "bayou.machine", "bayou.machine.messages",
    "bayou.machine.records", "bayou.paxos", "bayou.paxos.effects", "bayou.paxos.messages",
    "bayou.paxos.records",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Proposer", {"answers", "ballot", "proposer", "quorum"}),
        ("Acceptor", {"acceptor", "ballot"}),
        ("Learner", {"answers", "learner", "quorum"}),
    ],
)
def test_a_role_is_imported_with_what_it_needs_alone(name: str, more: set[str]) -> None:
    loaded = modules_loaded(f"from bayou.paxos import {name}")
    ours = {module for module in loaded if module.startswith("bayou")}
    assert ours == BASIS | {f"bayou.paxos.{module}" for module in more}
    assert loaded.isdisjoint({"dataclasses", "re", "typing", "json", "random", "socket", "asyncio"})
