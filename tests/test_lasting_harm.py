"""What a peer says by a bug or by mistake does no lasting harm, though it knows the secret."""

from __future__ import annotations

import pytest

from bayou.core.clock import CENTURY_US, STEP_MAX, HybridClock
from bayou.core.errors import PeerError
from bayou.core.items import Items
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.vector import STAMP_MAX
from bayou.core.write import PUT, Write
from bayou.machine.effects import LinkUp
from bayou.node.messages import (
    HAND_OVER,
    AntiEntropy,
    AskHeir,
    Created,
    Declined,
    End,
    HandOver,
    Hello,
    Join,
    Pull,
    Retire,
    Willing,
)
from bayou.node.server import Server
from bayou.node.settings import Settings
from tests.rows import place, row, text_value
from tests.test_nodes import Numbers, hear, only, order, said, server, system


def follower() -> Replica:
    """A server created by the first one with stamp 1, which knows of its own creation."""
    root = Replica(ROOT)
    made = Replica(root.create().created)
    made.apply(root.beyond(0, made.vector))
    return made


def taught(replica: Replica, *stamps: int) -> None:
    replica.apply(Items(0, [], [Write(stamp, ROOT, PUT, *row("a", "u")) for stamp in stamps]))


# Stamps.


@pytest.mark.parametrize("stamp", [STAMP_MAX, 1 << 60, STEP_MAX + 4])
def test_a_stamp_far_ahead_is_refused(stamp: int) -> None:
    """One write with the largest stamp would leave no room: what this server accepts then, nobody takes."""
    other = follower()
    taught(other, 2)
    with pytest.raises(PeerError, match="far ahead"):
        taught(other, stamp)
    assert other.clock.now == 2
    assert other.get(*place("a")) == text_value("u")
    assert other.vector.completed(ROOT) == 2
    taught(other, 3)
    other.check()


def test_what_came_before_a_stamp_far_ahead_stays() -> None:
    other = follower()
    with pytest.raises(PeerError):
        taught(other, 2, 5, STAMP_MAX)
    assert other.vector.completed(ROOT) == 5
    with pytest.raises(PeerError, match="far ahead"):
        other.apply(Items(1, [Write(STAMP_MAX, ROOT, PUT, *row("a", "u"))], []))
    assert other.csn == 1
    other.check()


def test_a_stamp_that_is_a_time_may_be_ahead_by_as_much_as_a_clock_can_be_wrong() -> None:
    """A machine that lost its battery believes that it is 1970."""
    other = Replica(ROOT.child(2), clock=HybridClock(lambda: 0))
    taught(other, CENTURY_US - 1)
    with pytest.raises(PeerError, match="is the clock of its server right"):
        taught(other, STAMP_MAX)
    assert other.put(*row("b", "u")).stamp == CENTURY_US
    taught(other, CENTURY_US + STEP_MAX)
    assert other.clock.now == CENTURY_US + STEP_MAX, "what follows from what was seen is fine at any time"


@pytest.mark.parametrize("settings", [Settings(), Settings(wall_offset_s=0.0)])
def test_a_newcomer_does_not_begin_at_the_end_of_all_stamps(settings: Settings) -> None:
    newcomer = Server(5, Numbers(0), settings)
    newcomer.step(0.0, LinkUp(0, Hello(is_server=True)))
    token = only(order(newcomer, Join(first=False))).token  # type: ignore[attr-defined]
    root = Replica(ROOT)
    late = Write(STAMP_MAX, ROOT, 2, "", "", None)
    effects = hear(newcomer, 0, Created(token, late, 0, root.vector))
    assert [peer for peer, _ in effects.drops] == [0]
    assert newcomer.name is None
    again = hear(newcomer, 0, Created(token, root.create(), root.csn, root.vector))
    assert again.drops == []
    assert newcomer.name == ROOT.child(1)


# Promises.


def retires(node: Server) -> bool:
    """Whether a server that is told to retire accepts its retirement at once."""
    order(node, Retire())
    return node.replica.retired


def test_an_heir_to_nobody_can_still_retire() -> None:
    """AskHeir for a name that does not exist: its sender is asked for what it has, and does not have it."""
    nodes = system(3)
    heir = nodes[1]
    heir.step(0.0, LinkUp(7, Hello(is_server=True)))
    effects = hear(heir, 7, AskHeir(9, ROOT.child(99).child(1 << 40)))
    assert said(effects) == [Pull]
    assert effects.durable == []
    assert retires(heir)


def test_an_heir_asked_by_a_server_that_is_not_the_primary_declines() -> None:
    nodes = system(3)
    heir, liar = nodes[1], nodes[2]
    pull = only(hear(heir, 2, AskHeir(9, liar.replica.name)))
    assert isinstance(pull, Pull)
    assert pull.purpose == HAND_OVER
    part = AntiEntropy(pull.serial, 0, Items(heir.replica.csn, [], []), End(0, liar.replica.vector))
    assert said(hear(heir, 2, part)) == [Declined]
    assert retires(heir)


def test_an_heir_asked_in_the_name_of_another_cuts_the_connection() -> None:
    nodes = system(3)
    heir = nodes[1]
    heir.step(0.0, LinkUp(2, Hello(is_server=True, name=nodes[2].replica.name)))
    effects = hear(heir, 2, AskHeir(9, ROOT))
    assert effects.sends == []
    assert [peer for peer, _ in effects.drops] == [2]
    assert "asks as <>" in effects.drops[0][1]
    assert retires(heir)


def test_an_heir_that_was_cut_off_hears_from_the_asker_that_it_is_the_primary() -> None:
    """The asker's name, even, may be news to it; its promise follows at once, and while all is paused."""
    nodes = system(3)
    primary, heir = nodes[0], nodes[2]
    following = primary.replica.create().created
    primary.replica.retire(following)
    new = Server(8, Numbers(8), paused=True)
    new.step(0.0, LinkUp(2, Hello(is_server=True)))
    order(new, Join(first=False))
    new.become(following)
    new.activate()
    new.replica.apply(primary.replica.beyond(0, new.replica.vector))
    assert new.replica.is_primary
    heir.step(0.0, LinkUp(8, Hello(is_server=True)))
    asking = only(order(new, Retire()))
    assert isinstance(asking, AskHeir)
    pull = only(hear(heir, 8, asking))
    willing = only(hear(heir, 8, only(hear(new, 2, pull))))
    assert isinstance(willing, Willing)
    assert not retires(heir), "it has promised"


def test_what_was_asked_of_an_heir_does_not_stand_in_the_way_of_a_hand_over() -> None:
    """A server asked, got no answer in time, found another heir, and hands over now."""
    nodes = system(3)
    heir = nodes[1]
    hear(heir, 2, AskHeir(9, nodes[2].replica.name))
    pulled = hear(heir, 2, HandOver(9)).sends
    for pull in [message for _, message in pulled if isinstance(message, Pull)]:
        part = AntiEntropy(pull.serial, 0, Items(heir.replica.csn, [], []), End(0, nodes[2].replica.vector))
        assert Declined not in said(hear(heir, 2, part))
    node = server(4, 1)
    assert node.peers.of(1).name is None
