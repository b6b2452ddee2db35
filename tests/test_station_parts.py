"""The parts of a server that lasts that need no sockets: who may be connected with, where servers are found,
whom to dial and when."""

from __future__ import annotations

import random

import pytest

from bayou.core.clock import HybridClock
from bayou.core.errors import PeerError
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.vector import START, VersionVector
from bayou.core.votes import Decree, Vote, first_vote
from bayou.core.write import PUT, Write
from bayou.host.acquaintances import PROTOCOL, SELF, Acquaintances
from bayou.host.addressbook import ADDRESSES_MAX, ENTRIES_MAX, AddressBook, for_peer
from bayou.host.circle import GIVE_UP, KEEP, PING, Peer, Silence
from bayou.host.doubt import Doubt
from bayou.host.messages import Entry, Ping
from bayou.host.neighbours import CHOSEN_MAX, FIRST_PAUSE_S, LAST_PAUSE_S, Neighbours
from bayou.net.address import parse, shown
from bayou.node.forgetting import forgotten, heard_of, settles_doubt
from bayou.node.messages import AntiEntropy, End, News, NotNow, Pull
from bayou.wire.connection import Identity, Introduce
from tests.rows import row

A, B, C = ROOT.child(3), ROOT.child(5), ROOT.child(7)
OURS, THEIRS = "aa" * 16, "bb" * 16


# Acquaintances.


def met(name: object = None, starts: int = 1, boot: int = 1, cluster: str = OURS, **fields: int) -> Introduce:
    who = Identity(cluster, name, starts, boot, fields.get("protocol", PROTOCOL))  # type: ignore[arg-type]
    return Introduce(fields.get("id", 9), True, None, who)


def test_who_is_refused_and_why() -> None:
    us = Acquaintances(1, Identity(OURS, A, 3, 77, PROTOCOL))
    assert us.refuse(met(B)) is None
    assert us.refuse(met()) is None  # a newcomer
    assert us.refuse(met(cluster="")) is None  # which has not even heard of the cluster
    assert us.refuse(Introduce(9, True, None, None)) == "it belongs to no cluster that lasts"
    assert us.refuse(met(B, cluster=THEIRS)) == (
        "it belongs to the cluster bbbbbbbb..., and this one to aaaaaaaa..."
    )
    assert "knows version 9 of the messages" in str(us.refuse(met(B, protocol=9)))
    assert us.refuse(met(A, boot=77)) == SELF
    assert us.refuse(met(id=1, boot=77)) == SELF
    assert "copies of one file" in str(us.refuse(met(A, boot=78)))
    assert "copies of one file" in str(us.refuse(met(id=1, boot=78)))


def test_a_copied_file_is_told_by_its_starts() -> None:
    us = Acquaintances(1, Identity(OURS, A, 3, 77, PROTOCOL))
    first, again, copy, older = (
        Identity(OURS, B, *told, PROTOCOL) for told in ((4, 1), (5, 2), (5, 3), (4, 1))
    )
    us.meet(first)
    assert us.refuse(met(B, 4, 1)) is None  # the connection was lost, and is made anew
    us.meet(again)
    assert us.refuse(met(B, 5, 2)) is None
    assert "is here already" in str(us.refuse(met(B, copy.starts, copy.boot)))
    assert "was started 4 times, and has been met after 5" in str(us.refuse(met(B, older.starts, older.boot)))
    assert us.refuse(met(C, 1, 9)) is None
    assert us.refuse(met(B, 6, 4)) is None


# Addresses as they are written.


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7474", ("127.0.0.1", 7474)),
        ("[::1]:7474", ("::1", 7474)),
        ("server.example.org:1", ("server.example.org", 1)),
    ],
)
def test_addresses_there_and_back(text: str, address: tuple[str, int]) -> None:
    assert parse(text) == address
    assert shown(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "7474", ":7474", "host", "host:", "host:x", "host:0", "host:65536", "::1:7474", "[host]:1", "a b:1",
     "h\u00f6st:1", "x" * 254 + ":1", "host:+1", "host:\u0661", "[::1:1", "host:123456"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|port from 1 to 65535"):
        parse(text)


def test_a_port_that_the_system_chooses() -> None:
    assert parse("[::]:0", may_choose=True) == ("::", 0)


# The address book.


def test_the_largest_version_stays_in_whatever_order_it_comes() -> None:
    versions = [Entry(B, version, (f"b:{version}",)) for version in (4, 9, 6)]
    for seed in range(6):
        order = random.Random(seed).sample(versions, 3)
        book = AddressBook()
        for entry in order:
            book.merge([entry], A, None)
        assert book.entries() == (versions[1],)


def test_nobody_else_writes_an_entry_and_who_is_gone_has_none() -> None:
    book = AddressBook([Entry(A, 4, ("a:1",))])
    vector = VersionVector({ROOT: 7, A: 4, B: 5})  # C, made at 7, has retired
    told = [Entry(A, 9, ("x:1",)), Entry(B, 2, ("b:1",)), Entry(C, 2, ("c:1",)), Entry(ROOT.child(8), 2, ())]
    new = book.merge(told, A, vector)
    assert [entry.name for entry in new] == [B, ROOT.child(8)]  # one that is not known yet is kept
    assert book.get(A) == Entry(A, 4, ("a:1",))
    assert book.drop_gone(VersionVector({ROOT: 8, A: 4})) == [B, ROOT.child(8)]
    assert book.entries() == (Entry(A, 4, ("a:1",)),)


@pytest.mark.parametrize(
    "entry",
    [
        Entry(B, 0, ()),
        Entry(B, 1 << 62, ()),
        Entry(B, 3, tuple(f"b:{port}" for port in range(1, ADDRESSES_MAX + 2))),
        Entry(B, 3, ("nonsense",)),
    ],
)
def test_what_no_entry_can_be(entry: Entry) -> None:
    with pytest.raises(PeerError, match="an entry of the directory"):
        AddressBook().merge([entry], A, None)


def test_an_address_book_has_limits() -> None:
    book = AddressBook()
    book.merge([Entry(ROOT.child(at), 1, ()) for at in range(1, ENTRIES_MAX + 10)], None, None)
    assert len(book.entries()) == ENTRIES_MAX
    known = ROOT.child(1)
    assert book.merge([Entry(known, 2, ("a:1",))], None, None) == [Entry(known, 2, ("a:1",))]


def test_other_hosts_are_told_no_address_that_means_this_one() -> None:
    entries = (
        Entry(A, 1, ("127.0.0.1:1", "a.example.org:1", "[::1]:1")),
        Entry(B, 2, ("localhost:1",)),
        Entry(C, 3, ()),
    )
    assert for_peer(entries, is_near=True) == entries
    assert for_peer(entries, is_near=False) == (Entry(A, 1, ("a.example.org:1",)), Entry(C, 3, ()))


# Neighbours.


def dials(neighbours: Neighbours, now: float) -> list[str]:
    return [way.address for way in neighbours.turn(now)]


def test_a_server_that_is_not_there_is_dialled_less_and_less_often() -> None:
    neighbours = Neighbours(1, random.Random(1), ["host:1"], 0.0)
    now, gaps = 0.0, []
    for _ in range(14):
        (way,) = neighbours.turn(now)
        neighbours.failed(way.number, "nobody there", now)
        due = neighbours.due
        assert due is not None
        assert dials(neighbours, due - 0.001) == []
        gaps.append(due - now)
        now = due
    pauses = [min(LAST_PAUSE_S, FIRST_PAUSE_S * 2**at) for at in range(14)]
    assert all(pause / 2 <= gap <= pause for gap, pause in zip(gaps, pauses, strict=True)), gaps
    assert len({round(gap / pause, 6) for gap, pause in zip(gaps, pauses, strict=True)}) > 5  # at random


def test_a_reason_is_told_once() -> None:
    neighbours = Neighbours(1, random.Random(1), ["host:1"], 0.0)
    told, now = [], 0.0
    for why in ("refused", "refused", "no route", "refused"):
        (way,) = neighbours.turn(now)
        told.append(neighbours.failed(way.number, why, now))
        now += LAST_PAUSE_S
    assert told == [True, False, True, True]


def test_of_two_servers_the_one_with_the_smaller_id_dials() -> None:
    entries = [Entry(A, 1, ("a:1",)), Entry(B, 1, ("b:1",))]
    for me, name, other, address in ((10, A, 20, "b:1"), (20, B, 10, "a:1")):
        neighbours = Neighbours(me, random.Random(1), [], 0.0)
        neighbours.learn(entries, name, 0.0)
        assert dials(neighbours, 0.0) == [address]  # nothing is known of the other one's id yet
        neighbours.linked(other, B if name is A else A, 0.1)
        neighbours.succeeded(1, other, 0.1)
        assert dials(neighbours, 50.0) == []
        neighbours.unlinked(other, 60.0)
        assert dials(neighbours, 60.21) == ([address] if me < other else [])
        assert dials(neighbours, 62.9) == []
        assert dials(neighbours, 63.0) == ([] if me < other else [address])  # it has had its turn


def test_an_address_where_another_server_is_now_is_not_dialled_while_that_is_connected() -> None:
    """It would take the place of the good connection, again and again: whoever is lost is not there."""
    neighbours = Neighbours(10, random.Random(1), [], 0.0)
    neighbours.learn([Entry(B, 1, ("host:1", "host:2")), Entry(C, 1, ("host:1",))], A, 0.0)
    neighbours.linked(30, C, 0.0)
    tried: list[str] = []
    for now in range(0, 1000, 10):
        for way in neighbours.turn(float(now)):
            tried.append(way.address)
            neighbours.failed(way.number, "nobody there", float(now))
    assert set(tried) == {"host:2"}
    neighbours.unlinked(30, 1000.0)
    assert "host:1" in [way.address for now in (1100.0, 1200.0) for way in neighbours.turn(now)]


def test_where_a_server_has_several_addresses_each_gets_its_turn() -> None:
    neighbours = Neighbours(1, random.Random(1), [], 0.0)
    neighbours.learn([Entry(B, 1, ("b:1", "b:2", "b:3"))], A, 0.0)
    tried, now = [], 0.0
    for _ in range(4):
        (way,) = neighbours.turn(now)
        tried.append(way.address)
        neighbours.failed(way.number, "nobody there", now)
        now += LAST_PAUSE_S
    assert tried == ["b:1", "b:2", "b:3", "b:1"]
    neighbours.learn([Entry(B, 2, ("b:9",))], A, now)
    assert dials(neighbours, now) == ["b:9"]  # at once


def test_an_address_to_join_is_given_up_where_its_server_has_told_that_it_is_there() -> None:
    neighbours = Neighbours(1, random.Random(1), ["b:1"], 0.0)
    (way,) = neighbours.turn(0.0)
    neighbours.linked(20, None, 0.1)
    neighbours.succeeded(way.number, 20, 0.1)
    assert dials(neighbours, 1.0) == []
    neighbours.linked(20, B, 1.0)  # it has got its name
    neighbours.learn([Entry(B, 1, ("b:1",))], A, 1.1)
    neighbours.unlinked(20, 20.0)
    assert dials(neighbours, 25.0) == ["b:1"]  # and not twice


def test_another_server_at_an_address_does_not_stand_for_the_one_that_was_there() -> None:
    neighbours = Neighbours(1, random.Random(1), [], 0.0)
    neighbours.learn([Entry(B, 1, ("b:1", "b:2"))], A, 0.0)
    (way,) = neighbours.turn(0.0)
    neighbours.linked(30, C, 0.1)
    neighbours.succeeded(way.number, 30, 0.1)
    assert dials(neighbours, 1.0) == ["b:2"]


def test_its_own_address_is_not_dialled_again() -> None:
    neighbours = Neighbours(1, random.Random(1), ["a:1"], 0.0)
    (way,) = neighbours.turn(0.0)
    neighbours.failed(way.number, SELF, 0.1, is_me=True)
    assert dials(neighbours, 1000.0) == []


def test_with_many_servers_some_are_chosen_and_others_an_hour_later() -> None:
    names = [ROOT.child(at) for at in range(1, 60)]
    neighbours = Neighbours(1, random.Random(1), [], 0.0)
    neighbours.learn([Entry(name, 1, (f"h{name.stamp}:1",)) for name in names], None, 0.0)
    first = neighbours.turn(1.0)
    assert len({way.address for way in first}) == CHOSEN_MAX
    by_address = {f"h{name.stamp}:1": name for name in names}
    for way in first:
        name = by_address[way.address]
        neighbours.linked(100 + name.stamp, name, 2.0)
        neighbours.succeeded(way.number, 100 + name.stamp, 2.0)
    assert not any(neighbours.is_too_many(100 + name.stamp) for name in names)
    assert dials(neighbours, 3000.0) == []
    second = neighbours.turn(4000.0)
    left = [name for name in names if neighbours.is_too_many(100 + name.stamp)]
    assert len(second) == len(left) > 0


# Who is connected.


def test_who_says_nothing_is_asked_and_then_given_up() -> None:
    peer = Peer(Identity(OURS, B), 0.0, is_server=True, is_near=True)
    assert [peer.look(0.0, now) for now in (4.0, 5.0, 6.0, 10.0, 15.0)] == [KEEP, PING, KEEP, PING, GIVE_UP]
    busy = Peer(Identity(OURS, B), 0.0, is_server=True, is_near=True)
    assert [busy.look(now, now) for now in (4.0, 5.0, 6.0, 10.0, 15.0)] == [KEEP, PING, KEEP, PING, PING]


def test_a_silent_server_is_told_of_once() -> None:
    silence = Silence()
    silence.heard(B, 0.0)
    silence.heard(C, 50.0)
    assert silence.new(59.0) == []
    assert silence.new(60.0) == [B]
    assert silence.new(70.0) == []
    silence.heard(B, 80.0)
    assert silence.new(139.0) == [C]
    assert silence.new(140.0) == [B]
    silence.heard(C, 200.0)
    silence.forget(C)
    assert silence.new(1000.0) == []


def test_what_waits_until_the_doubt_is_over() -> None:
    doubt = Doubt(0.0, is_on=True)
    doubt.hold(7, Ping())
    assert not doubt.is_alone(0.9, has_company=False)
    assert not doubt.is_alone(5.0, has_company=True)
    assert not doubt.is_alone(5.9, has_company=False)
    assert doubt.is_alone(6.0, has_company=False)
    assert doubt.end() == [(7, Ping())]
    assert doubt.due is None
    assert doubt.end() == []


# What was forgotten.


def replica_of_a() -> Replica:
    """A's replica: the root has made A at 3, and A has accepted a write at 10."""
    replica = Replica(A, clock=HybridClock(lambda: 10))
    creator = Replica(ROOT, clock=HybridClock(lambda: 3))
    creator.create()
    replica.apply(Items(0, list(creator.log.committed), []))
    replica.put(*row("song", "url"))
    return replica


def test_a_server_finds_out_that_it_has_forgotten_something() -> None:
    replica = replica_of_a()
    assert replica.vector.completed(A) == 10
    for vector, what in (
        ({ROOT: 3, A: 10}, None),
        ({ROOT: 3, A: 3}, None),
        ({ROOT: 2}, None),
        ({ROOT: 3, A: 11}, "what it accepted from stamp 11 to 11"),
        ({ROOT: 3}, "its own retirement"),
    ):
        for message in (
            News(1, VersionVector(vector)),
            Pull(1, "gossip", 1, VersionVector(vector)),
            AntiEntropy(1, 0, Items(1, [], []), End(1, VersionVector(vector))),
        ):
            assert forgotten(replica, message) == what
    assert forgotten(replica, News(5, START)) is None  # it is not the primary
    assert forgotten(replica, NotNow(1)) is None
    assert heard_of(NotNow(1)) is None


def test_a_write_of_its_own_that_it_lacks() -> None:
    replica = replica_of_a()
    known, lacking = (Write(stamp, A, PUT, *row("song", "url")) for stamp in (10, 12))
    assert forgotten(replica, AntiEntropy(1, 0, Items(1, [known.notice()], []))) is None
    for items in (Items(1, [lacking.notice()], []), Items(1, [lacking], []), Items(1, [], [lacking])):
        assert forgotten(replica, AntiEntropy(1, 0, items)) == "a write that it accepted with stamp 12"


def test_commitments_of_its_own_that_the_primary_lacks() -> None:
    primary = Replica(ROOT, clock=HybridClock(lambda: 3))
    primary.put(*row("song", "url"))
    assert forgotten(primary, News(1, START)) is None
    assert forgotten(primary, News(3, START)) == "what it committed from CSN 2 to 3"


def member_of_a_group() -> Replica:
    """A's replica, which is in a group with the root since CSN 2, and has nothing tentative."""
    replica = Replica(A, clock=HybridClock(lambda: 10))
    creator = Replica(ROOT, clock=HybridClock(lambda: 3))
    creator.create()
    creator.regroup((ROOT, A))
    replica.apply(Items(0, list(creator.log.committed), []))
    assert (replica.epoch, replica.group) == (2, (ROOT, A))
    return replica


def test_a_vote_that_a_member_has_forgotten() -> None:
    """Neither CSN nor vector shows it."""
    replica = member_of_a_group()
    upto = replica.vector
    votes = [
        first_vote(A, 2),
        Vote(A, 2, 1, ROOT),
        Vote(A, 2, 1, A),
        Vote(A, 2, 1, A, Decree(1, A, 2, upto)),
        Vote(A, 2, 2, A, Decree(1, A, 2, upto)),
        first_vote(A, 3),
    ]
    for at, told in enumerate(votes):
        others = first_vote(ROOT, 2), told
        message = AntiEntropy(1, 0, Items(2, [], []), End(2, upto, votes=others))
        lost = f"a vote that it gave in the commit group of the epoch {told.epoch}"
        assert forgotten(replica, message) == lost
        for before in votes[:at]:
            assert forgotten(replica, message, before) == lost
        if told.epoch == 2:
            for known in votes[at:5]:
                assert forgotten(replica, message, known) is None
    earlier = AntiEntropy(1, 0, Items(2, [], []), End(2, upto, votes=(Vote(A, 0, 9, A),)))
    assert forgotten(replica, earlier, votes[0]) is None
    of_another = AntiEntropy(1, 0, Items(2, [], []), End(2, upto, votes=(Vote(ROOT, 2, 9, A),)))
    assert forgotten(replica, of_another, votes[0]) is None
    assert forgotten(replica, AntiEntropy(1, 0, Items(2, [], [])), votes[0]) is None


def test_only_the_end_of_an_exchange_tells_a_member_that_it_has_forgotten_no_vote() -> None:
    member, other = member_of_a_group(), replica_of_a()
    end = AntiEntropy(1, 0, Items(2, [], []), End(2, member.vector))
    for message in (News(1, START), Pull(1, "gossip", 1, START)):
        assert settles_doubt(other, message)
        assert not settles_doubt(member, message)
    assert settles_doubt(other, end)
    assert settles_doubt(member, end)
    for replica in (member, other):
        assert not settles_doubt(replica, AntiEntropy(1, 0, Items(2, [], [])))
        assert not settles_doubt(replica, NotNow(1))
