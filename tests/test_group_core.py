"""The commit group and its votes, without messages."""

from __future__ import annotations

import contextlib
import random

import pytest

from bayou.core.errors import InvariantBroken, Misuse, PeerError
from bayou.core.group import MEMBERS_MAX, BadGroup, Group, group_of, majority, sorted_members
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.past import Bounded
from bayou.core.replica import Replica
from bayou.core.vector import VersionVector
from bayou.core.votes import NUMBER_MAX, Decree, Vote, Votes, first_vote
from bayou.core.write import GROUP, Write

A, B, C = ROOT.child(1), ROOT.child(2), ROOT.child(3)
NOWHERE = VersionVector({ROOT: 0})


# Groups as texts.


def test_a_group_is_one_text() -> None:
    group = Group(7, sorted_members([Name.of((5, 3)), ROOT, A]))
    assert group.text == "7 - 1 5.3"
    assert group_of(group.text) == group


@pytest.mark.parametrize(
    "text",
    ["", "7", "7 ", "7 - -", "7 1 -", "07 -", "-1 -", "7  -", "7 0", "7 3.5", "7 5.5", "7 01", "7 x", "7 -\n",
     "7 ٣", "99999999999999999999 -", "7 " + " ".join(str(at + 1) for at in range(MEMBERS_MAX + 1)),
     "7 " + "1" * 70000],
)  # fmt: skip
def test_what_is_no_group_is_turned_down(text: str) -> None:
    with pytest.raises(BadGroup):
        group_of(text)


def test_a_majority_is_more_than_half() -> None:
    assert [majority(count) for count in range(1, 7)] == [1, 2, 2, 3, 3, 4]


# Votes.


def decree(number: int, leader: Name, base: int, stamp: int = 0) -> Decree:
    return Decree(number, leader, base, VersionVector({ROOT: stamp}))


def vote(member: Name, number: int, leader: Name, accepted: Decree | None = None, epoch: int = 4) -> Vote:
    return Vote(member, epoch, number, leader, accepted)


def three() -> Votes:
    return Votes(4, (ROOT, A, B))


def test_later_votes_take_the_place_of_earlier_ones() -> None:
    votes = three()
    assert votes.note(vote(A, 2, A))
    assert not votes.note(vote(A, 1, B))
    assert not votes.note(vote(A, 2, A))
    assert votes.note(vote(A, 2, A, decree(2, A, 5)))
    assert votes.note(vote(A, 2, A, decree(2, A, 6)))
    assert not votes.note(vote(A, 2, A, decree(2, A, 5)))
    assert votes.note(vote(A, 2, B, decree(2, A, 6)))  # a higher ballot, and it keeps what it had accepted
    assert votes.highest == (2, B)
    assert votes.all() == (vote(A, 2, B, decree(2, A, 6)),)


@pytest.mark.parametrize(
    "bad",
    [
        vote(C, 1, A),
        vote(A, 1, C),
        vote(A, 0, A),
        vote(A, -1, ROOT),
        vote(A, NUMBER_MAX + 1, A),
        vote(A, 1, A, decree(2, A, 5)),
        vote(A, 1, A, decree(0, ROOT, 5)),
        vote(A, 1, A, decree(1, A, 3)),
        vote(A, 1, A, decree(1, C, 5)),
        vote(A, 2, A, decree(2, B, 5)),
    ],
)
def test_votes_that_nobody_can_have_given(bad: Vote) -> None:
    with pytest.raises(PeerError):
        three().note(bad)


def test_nobody_follows_a_leader_that_is_no_member_though_it_is_the_root() -> None:
    with pytest.raises(PeerError):
        Votes(4, (A, B)).note(vote(A, 1, ROOT))
    assert Votes(4, (A, B)).note(vote(A, 0, ROOT))


def test_two_decrees_under_one_ballot_and_base_are_an_error() -> None:
    votes = three()
    votes.note(vote(A, 1, A, decree(1, A, 5, 7)))
    with pytest.raises(PeerError, match="different decrees"):
        votes.note(vote(A, 1, A, decree(1, A, 5, 8)))


def test_a_majority_decides_under_one_ballot() -> None:
    votes = three()
    votes.note(vote(A, 1, A, decree(1, A, 5, 7)))
    assert votes.decided(5) is None
    votes.note(vote(B, 2, B, decree(2, B, 5, 7)))
    assert votes.decided(5) is None  # two, but under two ballots
    votes.note(vote(ROOT, 2, B, decree(2, B, 5, 7)))
    assert votes.decided(5) == decree(2, B, 5, 7)
    assert votes.decided(6) is None


def test_half_is_no_majority() -> None:
    votes = Votes(4, (ROOT, A, B, C))
    for member in (ROOT, A):
        votes.note(vote(member, 1, A, decree(1, A, 5)))
    assert votes.decided(5) is None
    assert not votes.has_promises((1, A))
    votes.note(vote(B, 1, A))
    assert votes.has_promises((1, A))


def test_a_leader_takes_over_the_decree_of_the_highest_ballot() -> None:
    votes = three()
    votes.note(vote(ROOT, 3, ROOT, decree(1, A, 5, 7)))
    votes.note(vote(A, 3, ROOT, decree(2, B, 5, 8)))
    votes.note(vote(B, 2, B, decree(2, B, 5, 8)))  # has not promised the third ballot
    assert votes.to_take_over((3, ROOT), 5) == decree(2, B, 5, 8)
    assert votes.to_take_over((3, ROOT), 6) is None
    assert votes.to_take_over((2, B), 5) == decree(2, B, 5, 8)


# What a replica makes of decrees.


def group_write(stamp: int, server: Name, since: int, *members: Name) -> Write:
    return Write(stamp, server, GROUP, "", "", Group(since, sorted_members(members)).text)  # type: ignore[arg-type]


def family() -> tuple[Replica, Replica, Replica]:
    """Return three servers, level, that have been the group since the CSN 3."""
    root = Replica(ROOT)
    names = [root.create().created for _ in range(2)]
    root.regroup([ROOT, *names])
    others = [Replica(name) for name in names]
    for other in others:
        other.apply(root.beyond(0, other.vector))
    assert {(each.group, each.epoch) for each in (root, *others)} == {((ROOT, *names), 3)}
    assert root.boundary == root.csn == 3
    return root, others[0], others[1]


def level(*replicas: Replica) -> None:
    for one in replicas:
        for other in replicas:
            one.apply(other.beyond(one.csn, one.vector))


def test_a_decree_commits_what_its_vector_knows_in_accept_order() -> None:
    root, a, b = family()
    first = a.put("notes", "x", "1")  # type: ignore[arg-type]
    second = b.put("notes", "y", "2")  # type: ignore[arg-type]
    level(root, a, b)
    upto = root.vector
    late = root.put("notes", "z", "3")  # type: ignore[arg-type]
    assert not root.is_primary
    assert root.decide(3, upto) == 2
    assert root.log.committed[-2:] == sorted([first, second])
    assert list(root.log.tentative) == [late]
    assert root.boundary == root.csn == 5
    root.check()
    with pytest.raises(InvariantBroken, match="boundary"):
        root.decide(3, upto)


def test_a_decree_goes_on_behind_what_is_committed_of_it_already() -> None:
    """An exchange broke off in the middle: the CSN is beyond the boundary, and the rest comes out alike."""
    root, a, b = family()
    for at in range(4):
        a.put("notes", f"{at}", "1")  # type: ignore[arg-type]
    level(root, a, b)
    upto = root.vector
    root.decide(3, upto)
    some = root.beyond(b.csn, b.vector).slice(0, 2)
    b.apply(some)
    assert (b.csn, b.boundary) == (5, 3)
    b.check()
    b.put("notes", "own", "1")  # type: ignore[arg-type]
    b.decide(3, upto)
    assert b.log.committed == root.log.committed
    assert (b.csn, b.boundary, len(b.log.tentative)) == (7, 7, 1)
    b.check()


def test_a_boundary_is_where_its_decree_ends_though_more_is_committed() -> None:
    """An exchange broke off in the middle of the next decree, and then the votes for the earlier one come."""
    root, a, b = family()
    a.put("notes", "x", "1")  # type: ignore[arg-type]
    level(root, a, b)
    first = root.vector
    assert root.decide(3, first) == 1
    for at in range(3):
        a.put("notes", f"{at}", "1")  # type: ignore[arg-type]
    level(root, a)
    second = root.vector
    assert root.decide(4, second) == 3
    b.apply(root.beyond(b.csn, b.vector).slice(0, 2))
    late = b.put("notes", "own", "1")  # type: ignore[arg-type]
    assert (b.csn, b.boundary) == (5, 3)
    b.take_journal()
    assert b.decide(3, first) == 0
    assert (b.csn, b.boundary, list(b.log.tentative)) == (5, 4, [late])
    assert b.take_journal() == [Bounded(4)]
    b.check()
    b.apply(root.beyond(b.csn, b.vector))
    b.decide(4, second)
    assert (b.csn, b.boundary) == (root.csn, root.boundary) == (7, 7)
    assert b.log.committed == root.log.committed


def test_a_boundary_is_learned_at_the_end_of_an_exchange() -> None:
    root, a, b = family()
    a.put("notes", "x", "1")  # type: ignore[arg-type]
    level(root, a, b)
    root.decide(3, root.vector)
    b.apply(root.beyond(b.csn, b.vector))
    assert (b.csn, b.boundary) == (4, 3)
    b.learn_boundary(root.boundary)
    assert b.boundary == 4
    b.learn_boundary(3)
    assert b.boundary == 4
    with pytest.raises(PeerError, match="a decree that ends at 9"):
        b.learn_boundary(9)


def test_nothing_is_folded_beyond_the_boundary() -> None:
    root, a, b = family()
    for at in range(2):
        a.put("notes", f"{at}", "1")  # type: ignore[arg-type]
    level(root, a, b)
    root.decide(3, root.vector)
    b.apply(root.beyond(b.csn, b.vector).slice(0, 1))
    assert b.fold() == 3
    assert root.fold() == 5
    b.check()


def test_a_decree_ends_with_the_group_write_that_counts() -> None:
    root, a, b = family()
    a.regroup([a.name])
    a.put("notes", "x", "1")  # type: ignore[arg-type]
    level(root, a, b)
    assert root.decide(3, root.vector) == 1
    assert (root.group, root.epoch, root.csn) == ((a.name,), 4, 4)
    assert root.left == 3
    assert len(root.log.tentative) == 1
    a.decide(3, a.vector)
    assert a.is_primary
    assert (a.csn, len(a.log.tentative)) == (5, 0)  # and the new group of one marks the rest at once
    for each in (root, a):
        each.check()


def test_of_two_changes_the_first_one_counts() -> None:
    root, a, b = family()
    a.regroup([a.name, b.name])
    b.regroup([ROOT])
    level(root, a, b)
    root.decide(3, root.vector)
    members = root.group
    assert root.csn == 4
    root.apply(Items(4, [root.log.tentative.first.notice()], []))  # committed by the new group, as any write
    assert (root.group, root.epoch, root.csn) == (members, 4, 5)
    root.check()


def test_a_group_of_one_marks_up_to_the_write_that_ends_it() -> None:
    """What stands behind it is for the new group."""
    root = Replica(ROOT)
    a = Replica(root.create().created)
    a.apply(root.beyond(0, a.vector))
    a.put("notes", "x", "1")  # type: ignore[arg-type]
    a.regroup([ROOT, a.name])
    a.put("notes", "y", "1")  # type: ignore[arg-type]
    root.apply(a.beyond(root.csn, root.vector))
    assert root.mark() == 2
    assert (root.group, root.epoch, root.csn, len(root.log.tentative)) == ((ROOT, a.name), 3, 3, 1)
    root.check()


def test_a_primary_that_accepts_behind_such_a_write_does_not_commit() -> None:
    root = Replica(ROOT)
    a = Replica(root.create().created)
    a.apply(root.beyond(0, a.vector))
    a.regroup([ROOT, a.name])
    root.apply(a.beyond(root.csn, root.vector))
    own = root.put("notes", "y", "1")  # type: ignore[arg-type]
    assert list(root.log.tentative) == [own]
    root.check()


def test_only_known_servers_can_be_named() -> None:
    root = Replica(ROOT)
    with pytest.raises(PeerError, match="is known here"):
        root.regroup([ROOT, A])
    with pytest.raises(BadGroup):
        root.regroup([])
    assert root.csn == 0


def test_a_retirement_that_names_an_heir_makes_a_group_of_one() -> None:
    root = Replica(ROOT)
    a = Replica(root.create().created)
    a.apply(root.beyond(0, a.vector))
    root.retire(a.name)
    a.apply(root.beyond(a.csn, a.vector))
    assert (a.group, a.epoch, a.is_primary) == ((a.name,), 2, True)
    with pytest.raises(Misuse):
        a.retire(None)


def test_the_journal_makes_the_same_replica_again() -> None:
    """Whatever decrees, boundaries and groups there were: random runs, redone."""
    for seed in range(60):
        rng = random.Random(seed)
        replicas = list(family())
        journals: list[list[object]] = [[] for _ in replicas]
        for at, replica in enumerate(replicas):
            journals[at] += replica.take_journal()
        for _ in range(30):
            _something(rng, replicas)
            for each in replicas:
                each.check()
            for number, each in enumerate(replicas):
                journals[number] += each.take_journal()
        for replica, journal in zip(replicas, journals, strict=True):
            again = Replica(replica.name)
            for record in journal:
                again.redo(record)  # type: ignore[arg-type]
            again.check()
            assert again.log.committed == replica.log.committed
            assert list(again.log.tentative) == list(replica.log.tentative)
            assert (again.group, again.epoch, again.boundary) == (
                replica.group,
                replica.epoch,
                replica.boundary,
            )


def _something(rng: random.Random, replicas: list[Replica]) -> None:
    """One of them writes, changes the group or is told something; or all decide."""
    replica, choice = rng.choice(replicas), rng.random()
    if choice < 0.4:
        replica.put("notes", f"{rng.randrange(4)}", "1")  # type: ignore[arg-type]
    elif choice < 0.5:
        with contextlib.suppress(PeerError):  # what it marks first may be a change
            replica.regroup(rng.sample([each.name for each in replicas], rng.randint(1, 3)))
    elif choice < 0.8:
        other = rng.choice(replicas)
        items = other.beyond(replica.csn, replica.vector)
        whole = rng.random() < 0.6
        replica.apply(items if whole else items.slice(0, rng.randint(0, len(items))))
        if whole:
            replica.learn_boundary(other.boundary)
    elif len(replica.group) > 1:
        _decide_everywhere(replicas)


def _decide_everywhere(replicas: list[Replica]) -> None:
    """Bring all level, and let all commit the same decree where they are of the same epoch and boundary."""
    for _ in range(2):
        level(*replicas)
        for one in replicas:
            for other in replicas:
                if one.csn >= other.boundary:
                    one.learn_boundary(other.boundary)
    if len({(each.epoch, each.boundary, each.csn) for each in replicas}) == 1:
        boundary, upto = replicas[0].boundary, replicas[0].vector
        for each in replicas:
            if len(each.group) > 1 and each.boundary == boundary:
                each.decide(boundary, upto)


def test_the_first_vote_is_for_nobody() -> None:
    assert first_vote(A, 4) == vote(A, 0, ROOT)
    assert NOWHERE.completed(A) == 0
