"""What nodes and replicas could get wrong at a bound, after a rare event or in what they say, without any
other test noticing: found with tests/mutation.py. Each test here fails with such a change."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from bayou.core.clock import HybridClock, LogicalClock
from bayou.core.errors import InvariantBroken, PeerError
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.values import fits, to_value
from bayou.core.vector import NOTHING, RETIRED, LiveVector, VersionVector
from bayou.core.write import CREATION, DELETE, PUT, RETIREMENT, Write
from bayou.machine.effects import AGAIN, Effects, LinkDown, LinkUp, Tick
from bayou.machine.messages import Message
from bayou.machine.patience import Patience
from bayou.node.client import Client
from bayou.node.messages import (
    Answer,
    AntiEntropy,
    AskHeir,
    Converge,
    Converged,
    Create,
    Created,
    Declined,
    Do,
    End,
    Gather,
    Get,
    HandOver,
    Hello,
    Join,
    News,
    NotNow,
    Pause,
    Pull,
    Put,
    Request,
    Retire,
)
from bayou.node.records import CreatedFor, Named
from bayou.node.server import Server
from bayou.node.settings import Habits, Limits, Settings
from tests.rows import change, place, row
from tests.test_holes_gossip import at_rest, before_it_commits, news, parts, pulls
from tests.test_nodes import Numbers, alarm, client, due, first, hear, only, order, said, server, system

SECOND_US = 1_000_000
CENTURY_US = timedelta(days=100 * 366) // timedelta(microseconds=1)


# Stamps and clocks.


def test_how_far_ahead_a_stamp_may_be() -> None:
    """One that is a count, by 2 to the 32nd; one that is a time, by a century; where no other was seen yet, a
    count may be half as large as the largest of all."""
    logical, hybrid = LogicalClock(7), HybridClock(lambda: 9)
    assert (logical.latest, logical.beginning_max) == (7 + 2**32, 2**61)
    assert (hybrid.latest, hybrid.beginning_max) == (9 + CENTURY_US, 9 + CENTURY_US)
    hybrid.saw(2 * CENTURY_US)
    assert hybrid.latest == 2 * CENTURY_US + 2**32


def test_the_largest_stamp_that_is_believed_is_believed() -> None:
    for ahead, is_believed in ((2**32, True), (2**32 + 1, False)):
        replica = Replica(ROOT.child(2))
        items = Items(0, [], [Write(2 + ahead, ROOT, PUT, *row("s", "u"))])
        if is_believed:
            assert replica.apply(items) == 1
        else:
            with pytest.raises(PeerError, match="far ahead of the largest seen here, 2"):
                replica.apply(items)


def test_the_largest_stamp_that_a_newcomer_begins_at() -> None:
    for stamp, is_believed in ((2**61, True), (2**61 + 1, False)):
        node = server(5, 0)
        create = only(order(node, Join(first=False)))
        assert isinstance(create, Create)
        creation = Write(stamp, ROOT, CREATION, "", "", None)
        effects = hear(node, 0, Created(create.token, creation, 1, VersionVector({ROOT: stamp})))
        assert (node.name is not None) == (effects.drops == []) == is_believed


def test_the_largest_stamp_that_anybody_can_know() -> None:
    VersionVector({ROOT: 2**62 - 1}).check()
    with pytest.raises(InvariantBroken, match="has the stamp"):
        VersionVector({ROOT: 2**62}).check()


def test_a_hybrid_clock_gives_times_and_one_more_where_it_has_given_that() -> None:
    wall = [100]
    clock = HybridClock(lambda: wall[0])
    assert [clock.next(), clock.next(), clock.next()] == [100, 101, 102]
    wall[0] = 200
    assert clock.next() == 200
    wall[0] = 50
    assert clock.next() == 201, "stamps never go back"


def test_a_server_told_of_the_wall_clock_gives_its_time_in_microseconds() -> None:
    node = first(settings=Settings(wall_offset_s=1000.0))
    hear(node, 9, Request(1, 1, Put(*row("s", "u")), None, None), now=2.5)
    assert [write.stamp for write in node.replica.log] == [1002 * SECOND_US + SECOND_US // 2]


@pytest.mark.parametrize("stamp", [-1, 0, 1])
def test_the_root_comes_before_every_other_name(stamp: int) -> None:
    root, other = ROOT, ROOT.child(stamp)
    assert sorted([other, root]) == sorted([root, other]) == [root, other]
    assert sorted([other.child(5), root.child(5)]) == [root.child(5), other.child(5)]


# What a replica knows, and what it does not take.


def test_what_a_vector_says_of_a_missing_server_changes_with_what_it_learns() -> None:
    """It remembers what it found out of one that is missing, but only until then."""
    live, gone = LiveVector.newborn(ROOT), ROOT.child(1)
    creation, retirement = Write(1, ROOT, CREATION, "", "", None), Write(2, gone, RETIREMENT, "", "", None)
    assert live.completed(gone) == NOTHING
    live.learn(creation)
    assert live.completed(gone.child(9)) == NOTHING
    live.learn(retirement)
    assert live.completed(gone) == live.completed(gone.child(9)) == RETIRED


@pytest.mark.parametrize("forged", [(7, ROOT), (2, ROOT.child(1))], ids=["another stamp", "another server"])
def test_two_writes_with_one_csn_are_noticed_by_stamp_and_by_server(forged: tuple[int, Name]) -> None:
    replica = Replica(ROOT)
    replica.create()
    replica.put(*row("s", "u"))
    with pytest.raises(PeerError, match="two writes were given the same CSN"):
        replica.apply(Items(1, [Write(forged[0], forged[1], PUT, *row("s", "v"))], []))


# Songs and URLs.


@pytest.mark.parametrize("character", ["s", "é", "\u20ac", "\U0001f600", "\udcff"])
def test_texts_are_measured_in_bytes(character: str) -> None:
    """To the byte, and a byte that is no UTF-8 for itself."""
    size = len(character.encode("utf-8", "surrogateescape"))
    for count in (1, 5, 256, 341, 342, 1020, 1021, 1024, 1025):
        for most in (size * count - 1, size * count, size * count + 1):
            assert fits(character * count, most) is (size * count <= most)


@pytest.mark.parametrize(
    ("song", "url", "why"),
    [
        ("s" * 1024, "u", None),
        ("é" * 512, "u", None),
        ("s" * 1025, "u", "a key of more than 1024 bytes"),
        ("é" * 512 + "s", "u", "a key of more than 1024 bytes"),
        ("s" * 1025, None, "a key of more than 1024 bytes"),
        ("s", "u" * 2**20, None),
        ("s", "é" * 2**19, None),
        ("s", "u" * (2**20 + 1), "a value of more than 1048576 bytes"),
        ("s", "é" * 2**19 + "u", "a value of more than 1048576 bytes"),
        ("a b", "u", "a key of the playlist that is empty, or has blanks in it"),
        ("s", "", "a value of the playlist that is empty, or has blanks in it"),
    ],
)
def test_a_song_or_url_that_is_too_long_or_no_word_costs_the_connection(
    song: str, url: str | None, why: str | None
) -> None:
    node = first()
    effects = hear(node, 9, Request(1, 1, change(song, url), None, None))
    assert effects.drops == ([] if why is None else [(9, why)])
    assert said(effects) == ([Answer] if why is None else [])
    assert len(node.replica.log) == (why is None)


# Requests, and what is remembered of them.


def test_numbers_of_requests_begin_with_0() -> None:
    """What has a smaller one is no request of any session's, and not answered."""
    node = first()
    assert said(hear(node, 9, Request(1, -1, Put(*row("s", "u")), None, None))) == []
    assert len(node.replica.log) == 0
    assert said(hear(node, 9, Request(1, 0, Put(*row("s", "u")), None, None))) == [Answer]


@pytest.mark.parametrize(("others", "is_echo"), [(19, True), (20, False)])
def test_a_number_is_remembered_for_twenty_times_as_many_sessions_as_an_answer(
    others: int, is_echo: bool
) -> None:
    node = first(settings=Settings(sessions_max=1))
    old = Request(7, 1, Put(*row("s", "u")), None, None)
    hear(node, 9, old)
    for session in range(100, 100 + others):
        hear(node, 9, Request(session, 1, Get(*place("s")), None, None))
    hear(node, 9, old)
    assert len(node.replica.log) == (1 if is_echo else 2)


@pytest.mark.parametrize(("later", "is_remembered"), [(1023, True), (1024, False)])
def test_a_thousand_odd_answers_to_requests_for_a_name_are_remembered(
    later: int, is_remembered: bool
) -> None:
    creation = Write(1, ROOT, CREATION, "", "", None)
    records = [CreatedFor(token, creation) for token in range(1 + later)]
    node = Server.restored(0, Numbers(0), None, [Named(ROOT), Items(0, [creation], []), *records], now=0.0)
    created = hear(node, 5, Create(0, 1)).sends[0][1]
    assert isinstance(created, Created)
    assert (created.creation == creation) is is_remembered
    assert node.replica.csn == (1 if is_remembered else 2)


# Exchanges.


def test_a_part_holds_as_many_characters_as_it_may() -> None:
    """Of keys and values: a delete has none but its key's, and other writes have none at all."""
    deletes = [Write(at, ROOT, DELETE, *place("ab"), None) for at in range(1, 4)]
    others = [Write(4, ROOT, CREATION, "", "", None), Write(5, ROOT, RETIREMENT, "", "", ROOT.child(4))]
    puts = [Write(6, ROOT, PUT, "notes", "a", to_value(1)), Write(7, ROOT, PUT, "notes", "", to_value(2))]
    limits = Limits(characters=4)
    assert limits.part_end(Items(0, deletes, []), 0) == 2
    assert limits.part_end(Items(0, [*deletes[:2], *others], puts), 0) == 4
    assert limits.part_end(Items(0, deletes[:1], puts), 0) == 2
    assert limits.part_end(Items(0, deletes[:1], puts[1:] * 3), 0) == 3


# Servers and their links.


@pytest.mark.parametrize("paused", [True, False])
def test_a_server_is_paused_after_a_crash_where_it_is_told_to(paused: bool) -> None:
    assert Server.restored(0, Numbers(0), None, [Named(ROOT)], now=1.0, paused=paused).paused is paused
    assert not Server.restored(0, Numbers(0), None, [Named(ROOT)], now=1.0).paused


def test_the_name_of_a_server_is_known_as_long_as_it_is_connected() -> None:
    """A link that comes up again without a name is to somebody else, perhaps."""
    node = first()
    for relinked in (LinkDown(1), LinkUp(1, Hello(is_server=True)), LinkUp(1, Hello(is_server=False))):
        node.step(0.0, LinkUp(1, Hello(is_server=True, name=ROOT.child(1))))
        assert node.peers.of(1).name is ROOT.child(1)
        node.step(0.0, relinked)
        assert node.peers.of(1).name is None


# Patience, and what is told of it.


def test_patience_doubles_up_to_32_times_and_is_as_at_first_after_an_answer() -> None:
    patience = Patience(0.5)
    assert [patience.take() for _ in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0]
    patience.renew()
    assert patience.take() == 0.5


@pytest.mark.parametrize(("attempt", "patience_s"), [(0, 10), (1, 20), (2, 40), (5, 320), (6, 640), (7, 640)])
def test_the_patience_with_a_round_doubles_six_times(attempt: int, patience_s: float) -> None:
    nodes = system(2)
    order(nodes[0], Converge(1, None, (1,), attempt))
    assert alarm(nodes[0]) == patience_s


def test_what_is_asked_for_again_is_told() -> None:
    asker = client(0)
    order(asker, Do(Get(*place("s"))))
    assert asker.step(1.0, Tick()).notes == [(AGAIN, "a request")]

    newcomer = server(5, 0)
    create = only(order(newcomer, Join(first=False)))
    assert isinstance(create, Create)
    assert newcomer.step(due(newcomer), Tick()).notes == [(AGAIN, "a name")]
    root = Replica(ROOT)
    hear(newcomer, 0, Created(create.token, root.create(), root.csn, root.vector), newcomer.now)
    newcomer.step(due(newcomer), Tick())  # the exchange has only begun
    assert newcomer.step(due(newcomer), Tick()).notes == [(AGAIN, "what the giver of its name had")]

    nodes = system(2)
    order(nodes[0], Converge(1, None, (1,)))
    assert nodes[0].step(10.0, Tick()).notes == [(AGAIN, "a round")]
    order(nodes[1], Retire())
    assert nodes[1].step(1.0, Tick()).notes == [(AGAIN, "to be the heir, or to take over")]


def test_what_can_not_be_asked_for_again_at_present_is_not_told() -> None:
    asker = client(0)
    order(asker, Do(Get(*place("s"))))
    newcomer = server(5, 0)
    order(newcomer, Join(first=False))
    leaving = system(2)[1]
    order(leaving, Retire())
    for node in (asker, newcomer, leaving):
        node.step(0.0, LinkDown(0))
        assert node.step(due(node), Tick()).notes == []


# Joining.


def test_whoever_was_asked_for_a_name_is_asked_again_with_more_patience_each_time() -> None:
    """It may have accepted the creation write already. So a server with a lower id that is connected
    meanwhile is not asked, unless that one is gone."""
    node = server(5, 2, 3)
    create = only(order(node, Join(first=False)))
    assert isinstance(create, Create)
    node.step(0.5, LinkUp(1, Hello(is_server=True)))
    for now, then in ((1.0, 3.0), (3.0, 7.0)):
        assert alarm(node) == now
        ((peer, again),) = node.step(now, Tick()).sends
        assert isinstance(again, Create)
        assert (peer, again.token) == (2, create.token)
        assert alarm(node) == then
    assert [peer for peer, _ in node.step(4.0, LinkDown(2)).sends] == [1]


# Retiring.


def test_a_hand_over_is_offered_again_after_a_second() -> None:
    node = system(2)[1]
    order(node, Retire())
    assert alarm(node) == 1.0
    assert said(node.step(1.0, Tick())) == [HandOver]
    assert alarm(node) == 3.0


def test_nobody_leaves_while_there_is_nobody_to_take_over() -> None:
    """The last server connected was cut off before it had confirmed anything."""
    node = system(2)[1]
    order(node, Retire())
    for effects in (node.step(0.5, LinkDown(0)), node.step(due(node), Tick())):
        assert not effects.leave
        assert effects.answers == []
    assert said(node.step(9.0, LinkUp(0, Hello(is_server=True)))) == [HandOver]


def test_an_heir_that_is_all_alone_waits_to_look_for_its_duty() -> None:
    nodes = system(2)
    ask = only(order(nodes[0], Retire()))
    assert isinstance(ask, AskHeir)
    hear(nodes[1], 0, ask)
    order(nodes[1], Retire())
    nodes[1].step(0.0, LinkDown(0))
    effects = nodes[1].step(due(nodes[1]), Tick())
    assert (effects.sends, effects.leave, nodes[1].replica.retired) == ([], False, False)


def test_who_asks_for_an_heir_without_having_the_duty_is_asked_for_all_that_it_has_once_and_declined() -> (
    None
):
    """Asked the next time, and the time after that, only if nothing has come since."""
    nodes = system(3)
    ask = AskHeir(9, nodes[2].replica.name)
    assert len(pulls(hear(nodes[1], 2, ask))) == 1
    assert pulls(hear(nodes[1], 2, ask)) == [], "the exchange has only begun"
    (again,) = pulls(hear(nodes[1], 2, ask))
    last = AntiEntropy(again.serial, 0, Items(nodes[1].replica.csn, [], []), End(0, nodes[2].replica.vector))
    assert said(hear(nodes[1], 2, last)) == [Declined]


# Rounds.


@pytest.mark.parametrize(("cut", "fails"), [(0, True), (2, True), (3, False)])
def test_a_round_fails_at_once_where_a_neighbour_in_its_tree_is_cut_off(cut: int, fails: bool) -> None:
    nodes = system(4)
    order(nodes[1], Converge(1, 0, (2,)))
    answers: list[tuple[int, Message]] = [(1, Converged(level=False, primary=False))] if fails else []
    assert nodes[1].step(0.0, LinkDown(cut)).answers == answers


@pytest.mark.parametrize("rounds", [(2, 3), (3, 2)])
def test_of_two_gathers_that_come_early_the_newer_one_is_kept(rounds: tuple[int, int]) -> None:
    nodes = system(2)
    for number in rounds:
        assert said(hear(nodes[1], 0, Gather(number, 50 + number, 0, nodes[0].replica.vector))) == []
    (part,) = parts(order(nodes[1], Converge(3, 0, ())))
    assert part.serial == 53


# Gossip.


class Always:
    """Not at random: the same number every time."""

    def __init__(self, number: int) -> None:
        self.number = number

    def getrandbits(self, k: int, /) -> int:
        return self.number


@pytest.mark.parametrize(("number", "part"), [(0, 0.7), (2**31, 1.0), (2**32 - 1, 1.3)])
def test_a_period_is_shorter_or_longer_by_three_tenths_at_most(number: int, part: float) -> None:
    node = Server(0, Always(number), Settings(habits=Habits(period_s=10.0)))
    order(node, Join(first=True))
    node.step(5.0, LinkUp(1, Hello(is_server=True)))
    assert due(node) == pytest.approx(5.0 + 10.0 * part)


def test_periods_are_spread_to_both_sides_of_what_is_asked_for() -> None:
    """As random numbers fall: a hundred periods come near both ends, and to what is asked for on average."""
    rng = Random(1)
    periods = []
    for _ in range(100):
        node = Server(0, rng, Settings(habits=Habits(period_s=10.0)))
        order(node, Join(first=True))
        node.step(0.0, LinkUp(1, Hello(is_server=True)))
        periods.append(due(node))
    assert 7.0 <= min(periods) < 7.5
    assert 12.5 < max(periods) <= 13.0
    assert sum(periods) / len(periods) == pytest.approx(10.0, abs=0.6)


def waiting_primary() -> tuple[Server, Effects]:
    """Return the primary of three servers that run freely, which has a write of server 1 and has yet to hear
    from both before it commits, and what it said when it got that write."""
    nodes = at_rest(3)
    nodes[1].replica.put(*row("s", "u"))
    (pull,) = pulls(hear(nodes[0], 1, news(nodes[1]), now=10.0))
    (part,) = parts(hear(nodes[1], 0, pull, now=10.0))
    effects = hear(nodes[0], 1, part, now=10.0)
    assert before_it_commits(nodes[0]) == 2
    return nodes[0], effects


def test_a_primary_commits_when_the_last_server_that_it_waits_for_is_cut_off() -> None:
    primary, _ = waiting_primary()
    primary.step(10.1, LinkDown(1))
    assert primary.replica.log.tentative
    primary.step(10.1, LinkDown(2))
    assert not primary.replica.log.tentative


def test_a_primary_commits_when_the_last_server_that_it_waits_for_has_nothing_to_tell() -> None:
    """It is paused, say. Another one that says so without being asked makes no difference."""
    primary, effects = waiting_primary()
    asked = {peer: message.serial for peer, message in effects.sends if isinstance(message, Pull)}
    hear(primary, 2, NotNow(asked[2] + 100), now=10.1)
    assert before_it_commits(primary) == 2
    hear(primary, 2, NotNow(asked[2]), now=10.1)
    assert primary.replica.log.tentative
    hear(primary, 1, NotNow(asked[1]), now=10.1)
    assert not primary.replica.log.tentative


def test_while_paused_nothing_is_to_be_done() -> None:
    primary, _ = waiting_primary()
    assert alarm(primary) is not None
    order(primary, Pause(paused=True), now=10.0)
    assert alarm(primary) is None
    assert before_it_commits(primary) == 0
    other = at_rest(3)[1]
    other.replica.put(*row("a", "b"))
    assert pulls(hear(primary, 1, news(other), now=10.0)) == []
    assert said(hear(primary, 9, Request(1, 1, Put(*row("s", "u")), None, None), now=10.0)) == [Answer]
    assert said(primary.step(10.0, LinkUp(7, Hello(is_server=True)))) == []
    assert alarm(primary) is None


def test_only_who_lacks_something_is_told_or_asked() -> None:
    nodes = at_rest(3)
    for peer in (1, 2):
        hear(nodes[0], peer, news(nodes[peer]), now=10.0)
    effects = order(nodes[0], Pause(paused=False), now=10.0)
    assert News not in said(effects)
    assert pulls(hear(nodes[0], 1, news(nodes[1]), now=10.0)) == []
    effects = hear(nodes[0], 9, Request(1, 1, Put(*row("s", "u")), None, None), now=10.0)
    assert [peer for peer, message in effects.sends if isinstance(message, News)] == [1, 2]


def test_a_follower_with_writes_of_its_own_asks_one_partner_a_period() -> None:
    """Only a primary that has something to commit asks everybody."""
    nodes = at_rest(3)
    nodes[1].replica.put(*row("s", "u"))
    assert len(pulls(nodes[1].step(due(nodes[1]), Tick()))) == 1


# Clients.


def test_a_client_knows_its_id() -> None:
    assert Client(7, Numbers(7)).id == 7


def test_a_client_checks_its_session() -> None:
    node = client(0)
    node.session.reads = VersionVector({ROOT: -1})
    with pytest.raises(InvariantBroken, match="has the stamp -1"):
        node.check()
