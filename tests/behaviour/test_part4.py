"""Part 4: names, creation, retirement, the primary's duty, missing entries."""

from __future__ import annotations

import pytest

from bayou.core.errors import Misuse
from bayou.core.items import Items
from bayou.core.name import ROOT, Name
from bayou.core.replica import Replica
from bayou.core.vector import NOTHING, RETIRED, START, LiveVector, VersionVector
from bayou.core.write import CREATION, Write
from bayou.machine.effects import Tick
from bayou.machine.messages import Message
from bayou.node.messages import (
    ROUND,
    AntiEntropy,
    AskHeir,
    Create,
    Created,
    Declined,
    Get,
    Got,
    HandOver,
    Join,
    Joined,
    Pull,
    Request,
    Retire,
    TakenOver,
    Willing,
)
from bayou.node.server import Server
from tests.behaviour.scenarios import PAIR, TRIO, printed, printed_by_processes, replicas
from tests.rows import place, row, text_value
from tests.test_core_replica import family, tell
from tests.test_nodes import due, first, hear, only, order, said, server, system


def primaries(scenario: str) -> list[int]:
    """Return the servers that commit, after a scenario."""
    return [id for id, replica in replicas(scenario).items() if replica.is_primary]


# Names.


def test_part4_a_name_tells_when_and_by_whom_a_server_was_created() -> None:
    """A server is named after the stamp of its creation and its creator, and the first one is the root."""
    named = replicas("joinServer 5; joinServer 7; joinServer 3; joinServer 4")
    assert named[5].name is ROOT
    assert named[7].name is ROOT.child(1)
    assert named[3].name is ROOT.child(2)
    assert named[4].name is ROOT.child(2).child(3), "server 3, the lowest then, created it"


def test_part4_names_have_nothing_to_do_with_ids() -> None:
    """A scenario with other ids in the same order makes the same names."""
    low = replicas("joinServer 0; joinServer 1; joinServer 2; retireServer 0; joinServer 3")
    high = replicas("joinServer -9; joinServer 40; joinServer 77; retireServer -9; joinServer 500")
    assert [replica.name for replica in low.values()] == [replica.name for replica in high.values()]


def test_part4_a_name_is_never_used_again() -> None:
    """A server that joins under the id of a retired one has another name."""
    # Creation 1, retirement 2, creation 3.
    assert replicas(PAIR + "put 8 a b")[1].name is ROOT.child(1)
    assert replicas("joinServer 0; joinServer 1; retireServer 1; joinServer 1")[1].name is ROOT.child(3)


def test_part4_names_are_ordered_by_stamp_then_creator() -> None:
    """Names are ordered by stamp, those with the same stamp by creator, and the root comes first."""
    one, two = ROOT.child(1), ROOT.child(2)
    names = [one.child(3), ROOT.child(4), two, two.child(3), ROOT, ROOT.child(3), one]
    assert sorted(names) == [ROOT, one, two, ROOT.child(3), one.child(3), two.child(3), ROOT.child(4)]


def test_part4_a_name_is_one_object_however_deep() -> None:
    """Names are flat and made once, so that comparing two takes no longer where they are deep."""
    deep = ROOT
    for stamp in range(1, 3000):
        deep = deep.child(stamp)
    assert Name.of(tuple(range(2999, 0, -1))) is deep
    assert deep.creator.child(2999) is deep


# Creation.


def test_part4_a_new_server_asks_the_connected_server_with_the_lowest_id() -> None:
    """A new server has itself created by the one with the lowest id among those that it is connected to."""
    effects = order(server(9, 6, 4, 5), Join(first=False))
    assert [(peer, type(message)) for peer, message in effects.sends] == [(4, Create)]


def test_part4_a_creation_is_a_write_of_the_creator() -> None:
    """Creating a server takes a stamp of its creator's, and everybody hears of it as of any write."""
    servers = replicas(PAIR + "joinServer 2; put 9 a b")
    creations = [write for write in servers[1].log if write.kind == CREATION]
    put = servers[1].log.committed[-1]
    assert [(write.stamp, write.server) for write in creations] == [(1, ROOT), (2, ROOT)]
    assert (put.key, put.stamp) == ("a", 3)


def test_part4_a_new_vector_lists_the_new_server_and_its_ancestors() -> None:
    """A server's vector begins with itself and each of its ancestors, of whom it has heard nothing yet."""
    name = ROOT.child(3).child(5)
    vector = Replica(name).vector
    assert set(vector.names) == {name, ROOT.child(3), ROOT}
    assert set(vector.stamps) == {NOTHING}


def test_part4_a_new_clock_starts_at_the_creation_stamp() -> None:
    """The first write of a new server is stamped later than its creation."""
    assert Replica(ROOT.child(3).child(5)).clock.now == 5
    # Creations 1 to 3: the put of the third new server has the stamp 4.
    log = replicas(TRIO + "pause; joinServer 3; joinClient 5 3; put 5 a b")[3].log
    assert [write.stamp for write in log.tentative] == [4]


def test_part4_a_new_server_serves_nobody_before_it_has_everything() -> None:
    """Until it has all that its creator has, a new server answers no client and sends to no server."""
    creator, newcomer = first(1), server(1, 0)
    creator.replica.put(*row("a", "b"))
    sends = [message for _, message in hear(creator, 1, only(order(newcomer, Join(first=False)))).sends]
    assert [type(message) for message in sends] == [Created, AntiEntropy]
    hear(newcomer, 0, sends[0])
    get = Request(5, 1, Get(*place("a")), None, None)
    assert said(hear(newcomer, 9, get)) == []
    assert said(hear(newcomer, 0, Pull(1, ROUND, 0, START))) == []
    assert [type(answer) for _, answer in hear(newcomer, 0, sends[1]).answers] == [Joined]
    assert newcomer.replica.vector == creator.replica.vector
    assert hear(newcomer, 9, get).sends[0][1].reply == Got(text_value("b"))  # type: ignore[attr-defined]


@pytest.mark.processes
def test_part4_a_new_server_takes_everything_over_even_while_paused() -> None:
    """A server that joins while anti-entropy is paused has all the same what its creator has."""
    steps = PAIR + "pause; put 8 a b; put 9 c d; joinServer 2; printLog 2"
    assert printed_by_processes(steps) == printed(steps) == ["PUT:(a, b):TRUE"]


def test_part4_a_creation_never_lowers_an_entry() -> None:
    """Hearing of a server's creation when more is known of it already changes nothing in its entry."""
    child = ROOT.child(3)
    for before, after in ((NOTHING, 3), (9, 9)):
        vector = LiveVector({ROOT: 2, child: before})
        vector.learn(Write(3, ROOT, CREATION, "", "", None))
        assert vector.entries == {ROOT: 3, child: after}


# Retirement.


def test_part4_a_retired_server_accepts_nothing_more() -> None:
    """A server's own retirement is the last write that it accepts."""
    root, leaving = family(2)
    retirement = leaving.retire(root.name)
    assert retirement.server is leaving.name
    with pytest.raises(Misuse):
        leaving.put(*row("a", "b"))
    with pytest.raises(Misuse):
        leaving.create()


def test_part4_a_retired_server_leaves_the_vectors() -> None:
    """Whoever processes the retirement of a server does not list it any more."""
    servers = replicas(TRIO + "put 8 a b; retireServer 1")
    gone = ROOT.child(1)
    for id in (0, 2):
        assert gone not in servers[id].vector
        assert servers[id].vector.completed(gone) == RETIRED


def test_part4_another_vector_never_removes_a_server() -> None:
    """A server is listed until the retirement write itself has come, whatever others list."""
    root, leaving, other = family(3)
    leaving.put(*row("a", "b"))
    leaving.retire(None)
    tell(leaving, root)
    items = root.beyond(other.csn, other.vector)
    assert len(items) == 2
    other.apply(items.slice(0, 1))
    assert leaving.name not in root.vector
    assert leaving.name in other.vector
    other.apply(root.beyond(other.csn, other.vector))
    assert leaving.name not in other.vector


def test_part4_a_server_leaves_only_when_another_has_everything() -> None:
    """A retiring server stays until another one confirms that it has all its writes and commitments."""
    nodes = system(2)
    nodes[0].replica.put(*row("a", "b"))
    nodes[1].replica.apply(nodes[0].replica.beyond(nodes[1].replica.csn, nodes[1].replica.vector))
    offer = only(order(nodes[1], Retire()))
    assert isinstance(offer, HandOver)
    replica = nodes[1].replica
    assert not hear(nodes[1], 0, TakenOver(offer.token, replica.csn, nodes[0].replica.vector)).leave
    assert not hear(nodes[1], 0, TakenOver(offer.token, replica.csn - 1, replica.vector)).leave
    assert hear(nodes[1], 0, TakenOver(offer.token, replica.csn, replica.vector)).leave


def test_part4_a_hand_over_goes_one_way() -> None:
    """A retiring server sends what it has and asks for nothing."""
    nodes = system(2)
    nodes[0].replica.put(*row("a", "b"))
    nodes[1].replica.put(*row("c", "d"))
    sent: list[Message] = []
    border: list[tuple[int, Message]] = [(0, message) for _, message in order(nodes[1], Retire()).sends]
    left = False
    while border:
        to, message = border.pop(0)
        if to == 0:
            sent.append(message)
        effects = hear(nodes[to], 1 - to, message)
        left = left or effects.leave
        border += effects.sends
    assert left
    assert {type(message) for message in sent} == {HandOver, AntiEntropy}
    assert nodes[1].replica.get(*place("a")) is None
    assert nodes[0].replica.get(*place("c")) == text_value("d")


def test_part4_while_running_every_connected_server_hears_of_a_retirement() -> None:
    """While anti-entropy goes on a server leaves when all that are connected to it have what it had."""
    servers = replicas(TRIO + "breakConnection 0 1; retireServer 2")
    assert [servers[id].vector.completed(ROOT.child(2)) for id in (0, 1)] == [RETIRED, RETIRED]


def test_part4_word_of_a_retirement_spreads_further() -> None:
    """While anti-entropy goes on servers that are connected through others hear of a retirement too."""
    servers = replicas(TRIO + "breakConnection 0 2; retireServer 2")
    assert servers[0].vector.completed(ROOT.child(2)) == RETIRED


@pytest.mark.parametrize(
    ("cut", "log"), [("", "PUT:(a, b):TRUE"), ("breakConnection 0 2; ", "PUT:(a, b):FALSE")]
)
def test_part4_while_paused_the_lowest_connected_id_takes_over(cut: str, log: str) -> None:
    """While paused a retiring server hands over to the connected server with the lowest id alone."""
    steps = f"{cut}pause; put 9 a b; retireServer 2; "
    logs = [printed(TRIO + steps + f"printLog {id}") for id in (0, 1)]
    assert logs == ([[], [log]] if cut else [[log], []])


def test_part4_a_retiring_server_takes_nothing_over() -> None:
    """A server that is itself retiring declines what others would hand to it."""
    nodes = system(3)
    order(nodes[1], Retire())
    for message in (HandOver(5), AskHeir(6, ROOT), Create(7, 1)):
        assert said(hear(nodes[1], 2, message)) == [Declined]


# The primary's duty.


def test_part4_the_duty_goes_to_the_lowest_connected_id() -> None:
    """When the primary retires, the server with the lowest id among those connected to it is the next."""
    assert primaries("joinServer 5; joinServer 9; joinServer 7; retireServer 5") == [7]
    assert primaries("joinServer 5; joinServer 7; joinServer 9; breakConnection 5 7; retireServer 5") == [9]
    assert primaries("joinServer 5; joinServer 3; joinServer 4; retireServer 5; retireServer 3") == [4]


def retiring_primary() -> tuple[dict[int, Server], HandOver]:
    """Return three servers, the first of which has just offered its duty to server 1."""
    nodes = system(3)
    ((peer, ask),) = order(nodes[0], Retire()).sends
    assert isinstance(ask, AskHeir)
    ((peer, offer),) = hear(nodes[0], 1, Willing(ask.token, nodes[1].replica.name)).sends
    assert isinstance(offer, HandOver)
    assert peer == 1
    return nodes, offer


def test_part4_the_next_primary_confirms_before_all_others() -> None:
    """The old primary leaves only when the next one has confirmed, before anybody else is asked to."""
    nodes, offer = retiring_primary()
    tell(nodes[0].replica, nodes[2].replica)
    early = TakenOver(offer.token, nodes[2].replica.csn, nodes[2].replica.vector)
    assert not hear(nodes[0], 2, early).leave
    tell(nodes[0].replica, nodes[1].replica)
    confirmed = TakenOver(offer.token, nodes[1].replica.csn, nodes[1].replica.vector)
    assert [peer for peer, _ in hear(nodes[0], 1, confirmed).sends] == [2]


def test_part4_the_old_primary_never_commits_again() -> None:
    """From handing its duty on the old primary leaves what comes to it tentative."""
    root, heir, other = family(3)
    other.put(*row("a", "b"))
    root.retire(heir.name)
    tell(other, root)
    assert root.mark() == 0
    assert [write.key for write in root.log.tentative] == ["a"]
    assert not root.is_primary


def test_part4_the_duty_is_sent_again_only_to_the_same_server() -> None:
    """Where a confirmation fails to come, the old primary turns to the same server again and to no other."""
    nodes, offer = retiring_primary()
    for _ in range(5):
        effects = nodes[0].step(due(nodes[0]), Tick())
        assert effects.sends == [(1, offer)]
        assert not effects.leave


def test_part4_taking_the_duty_twice_is_as_once() -> None:
    """A server that is handed the duty a second time is the primary as before, with the same log."""
    root, heir = family(2)
    root.put(*row("a", "b"))
    before = (heir.csn, heir.vector)
    root.retire(heir.name)
    items = root.beyond(*before)
    assert heir.apply(items) == 2
    after = (list(heir.log), heir.csn, heir.is_primary)
    assert after[2]
    assert heir.apply(items) == 0
    assert (list(heir.log), heir.csn, heir.is_primary) == after


def test_part4_there_is_never_more_than_one_primary() -> None:
    """After every command exactly one server commits, however the duty travels."""
    steps = (
        TRIO
        + "breakConnection 0 1; retireServer 0; joinServer 0; pause; retireServer 2; joinServer 2; start; "
    )
    lines = (steps + "retireServer 0; retireServer 1").split(";")
    for count in range(1, len(lines) + 1):
        assert len(primaries(";".join(lines[:count]))) == 1


def test_part4_only_the_primarys_group_commits() -> None:
    """While the primary is cut off its own group commits, and what others accept stays tentative."""
    steps = TRIO + "breakConnection 0 2; breakConnection 1 2; put 7 a 1; put 8 b 2; put 9 c 3; "
    assert printed(steps + "printLog 0; printLog 1; printLog 2") == [
        *["PUT:(a, 1):TRUE", "PUT:(b, 2):TRUE"] * 2,
        "PUT:(c, 3):FALSE",
    ]


# Missing entries.


def test_part4_a_missing_server_has_retired_where_its_creation_is_known() -> None:
    """A server that a vector leaves out, although it covers that server's creation, has retired."""
    assert VersionVector({ROOT: 5}).completed(ROOT.child(5)) == RETIRED
    assert VersionVector({ROOT: 1, ROOT.child(1): 8}).completed(ROOT.child(1).child(7)) == RETIRED


def test_part4_a_missing_server_was_never_heard_of_otherwise() -> None:
    """A server that a vector leaves out, and whose creation it does not cover, was never heard of."""
    assert VersionVector({ROOT: 5}).completed(ROOT.child(6)) == NOTHING
    assert VersionVector({ROOT: 9, ROOT.child(1): 6}).completed(ROOT.child(1).child(7)) == NOTHING


def test_part4_a_missing_creator_is_decided_by_the_same_rule_first() -> None:
    """Where a creator is missing too, the one before it decides for both."""
    grandchild = ROOT.child(4).child(6).child(7)
    assert VersionVector({ROOT: 4}).completed(grandchild) == RETIRED
    assert VersionVector({ROOT: 3}).completed(grandchild) == NOTHING


def test_part4_a_missing_root_has_retired() -> None:
    """A vector that leaves the first server out has seen it retire, and all that it created."""
    for name in (ROOT, ROOT.child(1000)):
        assert VersionVector({ROOT.child(2): 9}).completed(name) == RETIRED


def test_part4_a_retired_server_is_not_listed_again() -> None:
    """Whoever has seen a server retire never lists it again, and who still lists it learns to drop it."""
    _, r, a, b = family(4)
    r.put(*row("some", "1"))
    tell(r, a)
    r.put(*row("rest", "2"))
    r.retire(None)
    tell(r, b)
    assert (r.name in a.vector, r.name in b.vector) == (True, False)
    assert tell(a, b) == 0
    assert r.name not in b.vector
    assert tell(b, a) == 2
    assert r.name not in a.vector
    assert [write.key for write in a.log.tentative if write.key] == ["some", "rest"]


@pytest.mark.processes
def test_part4_writes_of_a_retired_server_arrive_once_and_in_full() -> None:
    """A server that knew some writes of one that retired gets the rest from whoever took them over."""
    # Server 1 tells 2 of some, and hands the rest to 0, which has never heard from 1.
    steps = (
        "breakConnection 0 1; breakConnection 0 2; put 8 some 1; pause; put 8 rest 2; restoreConnection 0 1; "
    )
    steps += "breakConnection 1 2; retireServer 1; restoreConnection 0 2; start; printLog 2; printLog 0"
    expected = ["PUT:(some, 1):TRUE", "PUT:(rest, 2):TRUE"] * 2
    assert printed_by_processes(TRIO + steps) == printed(TRIO + steps) == expected


def test_part4_what_is_covered_already_is_ignored() -> None:
    """A write that comes a second time changes nothing, whether it is a put or a creation."""
    root, other = family(2)
    creation, put = other.create(), other.put(*row("a", "b"))
    assert root.apply(Items(root.csn, [], [creation, put])) == 2
    before = (list(root.log), root.vector)
    assert root.apply(Items(root.csn, [], [creation, put])) == 0
    assert (list(root.log), root.vector) == before
