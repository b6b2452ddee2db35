"""Messages that come a second time, late: nothing that was fixed when an exchange began is composed afresh,
and nobody gets a second name."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bayou.core.write import PUT
from bayou.families.planting import Patch, planted
from bayou.machine.effects import Effects, LinkDown, LinkUp
from bayou.machine.messages import Message
from bayou.node.messages import (
    JOIN,
    ROUND,
    AntiEntropy,
    Continue,
    Converge,
    Converged,
    Create,
    Created,
    Gather,
    Hello,
    Join,
    Joined,
    News,
    Pause,
    Pull,
)
from bayou.node.rounds import Asked, Rounds
from bayou.node.server import Server
from bayou.node.settings import Habits, Limits, Settings
from bayou.worlds.simulated import Arrival
from tests import test_nodes_late
from tests.rows import row
from tests.simulated import StoreWorld
from tests.test_nodes import deliver, hear, only, order, said, server, system
from tests.test_nodes_late import sent

AFRESH = "an echo answered afresh"
HABITS = Habits(period_s=100.0, jitter=0.0, patience_s=1.0)
ONE_ITEM = Limits(items=1, parts_ahead=1)

A, B, C = 1, 2, 3


def news(node: Server) -> News:
    return News(node.replica.csn, node.replica.vector)


def pulls(effects: Effects) -> list[Pull]:
    return [message for _, message in effects.sends if isinstance(message, Pull)]


def parts(effects: Effects) -> list[AntiEntropy]:
    return [message for _, message in effects.sends if isinstance(message, AntiEntropy)]


def stamps(node: Server) -> list[int]:
    """Return the stamps of the puts that a server has."""
    log = node.replica.log
    return sorted(write.stamp for write in (*log.committed, *log.tentative) if write.kind == PUT)


def stamps_if_any(node: Server) -> list[int]:
    """The same, also where a server has no name yet, and so no log."""
    return [] if node.name is None else stamps(node)


def put(node: Server, *chosen: int) -> None:
    """Let a server accept puts with these stamps."""
    for stamp in chosen:
        node.replica.clock.saw(stamp - 1)
        assert node.replica.put(*row(f"song{stamp}", "u")).stamp == stamp


def apart(limits: Limits = ONE_ITEM) -> dict[int, Server]:
    """Return servers 0 (the primary) and A, B and C, level: and then A has writes of its own, 51 and 60, and
    C has 5 and 101, older and newer than these. Nothing moves but what is asked for."""
    nodes = system(4, Settings(limits=limits))
    for node in nodes.values():
        for other in nodes.values():
            hear_of(node, other)
    put(nodes[A], 51, 60)
    put(nodes[C], 5, 101)
    return nodes


def ask(node: Server, peer: int, purpose: str = ROUND) -> Pull:
    """Let a server begin an exchange; return what it asks."""
    serial = node.exchanges.expect(peer, purpose, 0)
    return Pull(serial, purpose, node.replica.csn, node.replica.vector)


def hear_of(node: Server, other: Server) -> None:
    """Let a server take over all that another one has."""
    node.replica.apply(other.replica.beyond(node.replica.csn, node.replica.vector))


def converse(one: Server, other: Server, first: Iterable[Message]) -> None:
    """Let these messages arrive at ``one``, and pass on whatever the two say to each other then about
    exchanges."""
    waiting = [(one, other, message) for message in first]
    while waiting:
        here, there, message = waiting.pop(0)
        for peer, answer in hear(here, there.id, message).sends:
            if peer == there.id and isinstance(answer, AntiEntropy | Continue):
                waiting.append((there, here, answer))


# Exchanges.


def doubled_pull() -> tuple[list[int], list[int], bool]:
    """B pulls from A, in parts of one item, and takes the first one, 51. A then hears of C's 5 and 101, and
    the Pull comes a second time, before B's word that it has room. Return what B has after that, what
    after an exchange more, and whether its vector claims all that A's does."""
    nodes = apart()
    a, b = nodes[A], nodes[B]
    pull = ask(b, A)
    (part,) = parts(hear(a, B, pull))
    ((_, room),) = [(peer, each) for peer, each in hear(b, A, part).sends if isinstance(each, Continue)]
    assert stamps(b) == [51]
    hear_of(a, nodes[C])
    echo = parts(hear(a, B, pull))
    converse(b, a, echo)
    converse(a, b, [room])
    then = stamps(b)
    converse(a, b, [ask(b, A)])
    return then, stamps(b), b.replica.vector.covers(a.replica.vector)


def test_a_pull_that_comes_twice_is_answered_once() -> None:
    """Answered afresh, items would be numbered otherwise: B would take C's 101 and skip its 5 for good, as
    its vector claims it."""
    assert doubled_pull() == ([51, 60], [5, 51, 60, 101], True)
    with planted(AFRESH):
        assert doubled_pull() == ([51, 60, 101], [51, 60, 101], True)


def doubled_create() -> tuple[list[type[Message]], list[int], bool]:
    """A newcomer asks A for a name, and has taken over 51, when A hears of C, and the request comes again;
    what was on its way is lost. Return what A says to the echo, what the newcomer has after an exchange
    more, and whether it is a member."""
    nodes = apart(Limits(items=1, parts_ahead=100))
    a, new = nodes[A], server(5, A)
    a.step(0.0, LinkUp(5, Hello(is_server=True)))
    create = only(order(new, Join(first=False)))
    assert isinstance(create, Create)
    answer = hear(a, 5, create)
    assert said(answer)[0] is Created
    for _, message in answer.sends:
        if 51 not in stamps_if_any(new):
            hear(new, A, message)
    hear_of(a, nodes[C])
    echo = hear(a, 5, create)
    for _, message in echo.sends:
        hear(new, A, message)
    converse(a, new, [ask(new, A, JOIN)])
    return said(echo), stamps(new), new.is_member


def test_a_request_for_a_name_that_comes_twice_is_answered_once() -> None:
    """An echo gets neither a name nor parts: what the name says that the newcomer has to have would be more
    than what comes."""
    assert doubled_create() == ([], [5, 51, 60, 101], True)
    with planted(AFRESH):
        told, then, is_member = doubled_create()
    assert told[0] is Created
    assert AntiEntropy in told
    assert (then, is_member) == ([51, 60, 101], True)


# Rounds.


def asked_afresh(patch: Patch) -> None:
    """A round takes a Gather that comes again for a new one."""

    def on_gather(self: Rounds, peer: int, message: Gather) -> None:
        current = self._round
        if current is not None and message.round == current.plan.round and current.asked is not None:
            current.asked = Asked(message, message.serial)
            self._exchanges.serve(peer, message.serial, message.csn, message.vector, message.base)
        else:
            original(self, peer, message)

    original = Rounds.on_gather
    patch.setattr(Rounds, "on_gather", on_gather)


def doubled_gather(*, early: bool) -> list[int]:
    """B is the head of a round, and A below it has sent the first part when it hears of C, and the Gather
    comes again. Return what B has when A has sent all."""
    nodes = apart()
    a, b = nodes[A], nodes[B]
    gather = only(order(b, Converge(1, None, (A,))))
    assert isinstance(gather, Gather)
    if early:
        assert said(hear(a, B, gather)) == []
        assert said(hear(a, B, gather)) == [], "an echo of what has come early"
        first = order(a, Converge(1, B, ()))
    else:
        assert said(order(a, Converge(1, B, ()))) == []
        first = hear(a, B, gather)
    (part,) = parts(first)
    (room,) = [message for _, message in hear(b, A, part).sends if isinstance(message, Continue)]
    hear_of(a, nodes[C])
    echo = parts(hear(a, B, gather))
    converse(b, a, echo)
    converse(a, b, [room])
    return stamps(b)


@pytest.mark.parametrize("early", [False, True])
def test_a_gather_that_comes_twice_is_answered_once(early: bool) -> None:
    """Two hold that, the round and the exchanges: each alone is enough, and without both a write is lost."""
    assert doubled_gather(early=early) == [51, 60]
    with planted(AFRESH):
        assert doubled_gather(early=early) == [51, 60]
    patch = Patch()
    try:
        asked_afresh(patch)
        assert doubled_gather(early=early) == [51, 60]
        with planted(AFRESH):
            assert doubled_gather(early=early) == [51, 60, 101], "5 is skipped"
    finally:
        patch.undo()


def test_echoes_of_a_round_on_its_way_back_and_after_it() -> None:
    """The head sends down what lies beyond once, however often the last part from below comes; a Gather that
    comes after its round begins nothing, then or in the next round."""
    nodes = apart(Limits())
    a, b = nodes[A], nodes[B]
    order(a, Converge(1, B, ()))
    gather = only(order(b, Converge(1, None, (A,))))
    up = only(hear(a, B, gather))
    down = hear(b, A, up)
    assert len(parts(down)) == 1
    assert down.answers == [(1, Converged(level=True, primary=False))]
    hear_of(b, nodes[C])
    assert parts(hear(b, A, up)) == [], "an echo of the last part from below"
    assert hear(a, B, parts(down)[0]).answers == [(1, Converged(level=True, primary=False))]
    assert hear(a, B, parts(down)[0]).answers == [], "an echo of what came down"
    assert parts(hear(a, B, gather)) == [], "after the round"
    assert parts(order(a, Converge(2, B, ()))) == [], "that was for round 1"
    second = only(order(b, Converge(2, None, (A,))))
    up = only(hear(a, B, second))
    assert isinstance(up, AntiEntropy)
    hear(a, B, parts(hear(b, A, up))[0])
    assert stamps(a) == stamps(b) == [5, 51, 60, 101]


def test_a_stale_gather_does_not_displace_a_newer_one_that_came_early() -> None:
    nodes = apart()
    a, b = nodes[A], nodes[B]
    old = only(order(b, Converge(1, None, (A,))))
    new = only(order(b, Converge(2, None, (A,))))
    assert isinstance(new, Gather)
    for message in (new, old):
        assert said(hear(a, B, message)) == []
    (part,) = parts(order(a, Converge(2, B, ())))
    assert part.serial == new.serial


# Names.


def ids_in_vectors(world: StoreWorld) -> list[list[str]]:
    """For each server, who stands in its vector: ids, and names of which there is no server."""
    names = {node.replica.name: str(id) for id, node in world.nodes.items() if isinstance(node, Server)}
    return [
        sorted(names.get(name, f"nobody called {name}") for name in world.server(id).replica.vector.names)
        for id in sorted(world.nodes)
    ]


def settle(world: StoreWorld) -> None:
    """Let messages arrive and time pass until whatever is repeated must have been; then level all."""
    for _ in range(40):
        test_nodes_late.deliver(world)
        world.pass_time(1.0)
    for node in world.nodes:
        for other in world.nodes:
            here, there = world.server(node).replica, world.server(other).replica
            here.apply(there.beyond(here.csn, here.vector))


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("between", [False, True])
def test_a_newcomer_that_comes_back_to_a_creator_gets_the_same_name(between: bool, crashes: bool) -> None:
    """The creator accepted the creation write, and the connection was cut before the newcomer heard of it. It
    may have turned to somebody else in between, in vain, and the creator may have crashed: asked under the
    same token it gives the same name. Otherwise all would list a server that never lives."""
    world = test_nodes_late.system(3)
    world.add_server(5, [0], paused=False)
    joining = world.order(5, Join(first=False))
    (create,) = world.flights()
    world.deliver(create)
    writes = len(world.server(0).replica.log)
    world.disconnect(0, 5)
    if between:
        world.connect(1, 5)
        (other,) = [flight for flight in world.flights() if isinstance(sent(flight)[1], Create)]
        assert other.node == 1
        world.lose(other)
        world.disconnect(1, 5)
    if crashes:
        world.crash(0)
        world.restart_server(0, [1, 2], paused=False)
    world.connect(0, 5)

    def is_from_1(flight: Arrival) -> bool:
        return sent(flight)[0] == 1

    test_nodes_late.deliver(world, is_from_1)
    settle(world)
    assert isinstance(world.answer(joining), Joined)
    assert len(world.server(0).replica.log) == writes, "one creation write"
    assert ids_in_vectors(world) == [["0", "1", "2", "5"]] * 4


def test_a_creator_that_forgot_leaves_a_name_without_a_server() -> None:
    """What the test above looks at can be seen: without the fact that is made durable there is a ghost."""
    with (
        planted("a crash forgets who was created"),
        pytest.raises(AssertionError, match="one creation write"),
    ):
        test_a_newcomer_that_comes_back_to_a_creator_gets_the_same_name(between=False, crashes=True)


# News.


def two() -> tuple[Server, Server]:
    """Return the first server, which is the primary, and another, at rest."""
    nodes = system(2, Settings(habits=HABITS, limits=ONE_ITEM))
    for node, peer in ((nodes[0], 1), (nodes[1], 0)):
        deliver(nodes, node, node.step(0.0, LinkUp(peer, Hello(is_server=True))))
    return nodes[0], nodes[1]


@pytest.mark.parametrize("at_the_primary", [False, True])
def test_news_in_the_middle_of_an_exchange_is_pulled_after_it_once(at_the_primary: bool) -> None:
    """Not in the middle of it, which would be given up then, and not a period later."""
    nodes = two()
    receiver, sender = nodes if at_the_primary else nodes[::-1]
    put(sender, 51)
    (pull,) = pulls(hear(receiver, sender.id, news(sender), now=10.0))
    (part,) = parts(hear(sender, receiver.id, pull, now=10.0))
    put(sender, 60)
    assert pulls(hear(receiver, sender.id, news(sender), now=10.1)) == []
    (again,) = pulls(hear(receiver, sender.id, part, now=10.2))
    (part,) = parts(hear(sender, receiver.id, again, now=10.3))
    follows = pulls(hear(receiver, sender.id, part, now=10.4))
    assert stamps(receiver) == [51, 60]
    more = 0
    while follows:  # the primary commits when it has heard from everybody since the last of them came
        assert receiver.replica.log.tentative
        more += 1
        (part,) = parts(hear(sender, receiver.id, follows[0], now=10.5))
        follows = pulls(hear(receiver, sender.id, part, now=10.6))
    assert more == (2 if at_the_primary else 0)
    assert not receiver.replica.log.tentative


def test_a_pause_forgets_that_an_exchange_was_to_follow_another() -> None:
    """After it each server is asked once, and that brings all there is."""
    sender, receiver = two()
    put(sender, 51)
    assert len(pulls(hear(receiver, 0, news(sender), now=10.0))) == 1
    put(sender, 60)
    assert pulls(hear(receiver, 0, news(sender), now=10.1)) == []
    order(receiver, Pause(paused=True), now=10.2)
    (pull,) = pulls(order(receiver, Pause(paused=False), now=10.3))
    (part,) = parts(hear(sender, 1, pull, now=10.3))
    ((_, room),) = [
        (peer, message)
        for peer, message in hear(receiver, 0, part, now=10.4).sends
        if isinstance(message, Continue)
    ]
    (last,) = parts(hear(sender, 1, room, now=10.5))
    assert pulls(hear(receiver, 0, last, now=10.6)) == []
    assert stamps(receiver) == [51, 60]


def test_a_cut_forgets_that_an_exchange_was_to_follow_another() -> None:
    sender, receiver = two()
    put(sender, 51)
    (pull,) = pulls(hear(receiver, 0, news(sender), now=10.0))
    put(sender, 60)
    assert pulls(hear(receiver, 0, news(sender), now=10.1)) == []
    sender.step(10.2, LinkDown(1))
    receiver.step(10.2, LinkDown(0))
    sender.step(10.3, LinkUp(1, Hello(is_server=True)))
    (pull,) = pulls(receiver.step(10.3, LinkUp(0, Hello(is_server=True))))
    converse(sender, receiver, [pull])
    assert stamps(receiver) == [51, 60]
    put(sender, 70)
    (pull,) = pulls(hear(receiver, 0, news(sender), now=10.4))
    (part,) = parts(hear(sender, 1, pull, now=10.4))
    assert pulls(hear(receiver, 0, part, now=10.5)) == [], "nothing follows that one"
