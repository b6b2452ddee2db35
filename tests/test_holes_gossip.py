"""What servers that run freely could get wrong without any other test noticing: found with tests/mutation.py.
Each test here fails with such a change."""

from __future__ import annotations

import pytest

from bayou.machine.effects import Effects, LinkUp, Tick
from bayou.machine.messages import Probe, Waiting
from bayou.node.asks import AwaitCommitted
from bayou.node.messages import GOSSIP, AntiEntropy, Do, Hello, Join, News, Pause, Pull, Put, Request, Retire
from bayou.node.server import Server
from bayou.node.settings import Habits, Limits, Settings
from tests.rows import row
from tests.simulated import StoreWorld
from tests.test_functions_nodes import FUNCTIONS, call, put, started
from tests.test_nodes import deliver, due, hear, order, system

HABITS = Habits(period_s=100.0, jitter=0.0, round_s=2.0, patience_s=1.0)


def two() -> tuple[Server, Server]:
    """Return the first server and another, at rest; parts of exchanges hold one item, one at a time."""
    nodes = system(2, Settings(habits=HABITS, limits=Limits(items=1, parts_ahead=1)))
    return nodes[0], nodes[1]


def news(node: Server) -> News:
    return News(node.replica.csn, node.replica.vector)


def pulls(effects: Effects) -> list[Pull]:
    return [message for _, message in effects.sends if isinstance(message, Pull)]


def parts(effects: Effects) -> list[AntiEntropy]:
    return [message for _, message in effects.sends if isinstance(message, AntiEntropy)]


def test_an_exchange_that_gets_on_is_given_another_period_of_patience() -> None:
    """To the moment: what came in the last moment of the first one counts."""
    sender, receiver = two()
    for song in ("a", "b", "c"):
        sender.replica.put(*row(song, "u"))
    (pull,) = pulls(hear(receiver, 0, news(sender), now=10.0))
    assert pull.purpose == GOSSIP
    (part,) = parts(hear(sender, 1, pull, now=10.0))
    hear(receiver, 0, part, now=10.5)
    assert pulls(hear(receiver, 0, news(sender), now=10.9)) == []
    assert pulls(hear(receiver, 0, news(sender), now=11.0)) == [], "something came in that second"
    assert pulls(hear(receiver, 0, news(sender), now=11.9)) == [], "the next second is not over"
    (again,) = pulls(hear(receiver, 0, news(sender), now=12.0))
    assert again.vector == receiver.replica.vector, "nothing came in that second"


def test_a_round_is_over_when_the_primary_has_committed_for_another_reason() -> None:
    """Else a later one would be ended too early, and commit before older writes are there."""
    nodes = at_rest(3)
    nodes[1].replica.put(*row("a", "u"))
    (pull,) = pulls(hear(nodes[0], 1, news(nodes[1]), now=10.0))
    (part,) = parts(hear(nodes[1], 0, pull, now=10.0))
    hear(nodes[0], 1, part, now=10.0)
    assert nodes[0].replica.log.tentative
    assert due(nodes[0]) == 12.0, "when the round takes too long"
    assert before_it_commits(nodes[0]) == 2
    hear(nodes[0], 9, Request(1, 1, Put(*row("b", "v")), None, None), now=11.0)
    assert not nodes[0].replica.log.tentative
    assert due(nodes[0]) == 100.0, "when the period is over"
    assert before_it_commits(nodes[0]) == 0


def at_rest(count: int) -> dict[int, Server]:
    """Return so many servers that have pulled from each other all there is."""
    nodes = system(count, Settings(habits=HABITS))
    for node in nodes.values():
        for peer in nodes:
            if peer != node.id:
                deliver(nodes, node, node.step(0.0, LinkUp(peer, Hello(is_server=True))))
    return nodes


def before_it_commits(node: Server) -> int:
    """Return how many servers the primary waits to hear from."""
    ((_, answer),) = order(node, Probe(), now=node.now).answers
    assert isinstance(answer, Waiting)
    return sum(line.endswith("before it commits") for line in answer.lines)


def asked(effects: Effects, peer: int) -> list[Pull]:
    return [message for to, message in effects.sends if to == peer and isinstance(message, Pull)]


def put_and_pulled(primary: Server, other: Server, song: str, now: float) -> list[Effects]:
    """Let another server accept a put, of which the primary hears; return what the primary did then."""
    other.replica.put(*row(song, "u"))
    done = [hear(primary, other.id, news(other), now=now)]
    while pulled := asked(done[-1], other.id):
        (part,) = parts(hear(other, primary.id, pulled[0], now=now))
        done.append(hear(primary, other.id, part, now=now))
    return done


def test_writes_that_never_cease_to_come_do_not_keep_the_primary_from_committing() -> None:
    """A round is begun anew for what comes meanwhile, but once only; or each would take too long."""
    nodes = at_rest(3)
    waiting: list[Pull] = []
    committed = []
    for count in range(8):
        now = 10.0 + count / 100
        for effects in put_and_pulled(nodes[0], nodes[1], f"song-{count}", now):
            waiting += asked(effects, 2)
        if count:  # it answers when the next write has come
            (part,) = parts(hear(nodes[2], 0, waiting.pop(0), now=now))
            waiting += asked(hear(nodes[0], 2, part, now=now), 2)
        committed.append(nodes[0].replica.csn - nodes[2].replica.csn)
    assert committed[:3] == [0, 0, 3], "what came in the round was waited for, once"
    assert committed[-1] > 3


def test_who_was_waited_for_in_vain_is_not_waited_for_again_before_it_is_heard() -> None:
    nodes = at_rest(3)
    primary = nodes[0]
    (pull,) = [pull for one in put_and_pulled(primary, nodes[1], "a", 10.0) for pull in asked(one, 2)]
    assert before_it_commits(primary) == 1
    primary.step(12.0, Tick())
    assert not primary.replica.log.tentative, "when the round has taken too long"
    put_and_pulled(primary, nodes[1], "b", 12.5)
    assert not primary.replica.log.tentative, "at once"
    (part,) = parts(hear(nodes[2], 0, pull, now=13.0))
    (again,) = asked(hear(primary, 2, part, now=13.0), 2)
    put_and_pulled(primary, nodes[1], "c", 13.5)
    assert before_it_commits(primary) == 1, "it has been heard from"
    (part,) = parts(hear(nodes[2], 0, again, now=13.6))
    hear(primary, 2, part, now=13.6)
    assert before_it_commits(primary) == 1, "what it said was asked before that came"


@pytest.mark.parametrize("latency_s", [0.001, 1.5])
def test_a_line_that_is_slower_than_patience_lasts_brings_all_the_same(latency_s: float) -> None:
    """What was begun anew too early comes late, by which it is seen that it takes that long."""
    world = StoreWorld(habits=Habits())
    for id in range(2):
        world.start_server(id, list(range(id)), Join(first=id == 0), paused=False)
    world.start_client(10, 1)
    world.pass_quietly(1)
    world.network.latency_s = latency_s
    for song in ("a", "b", "c"):
        world.order(10, Do(put(song)))
        world.pass_quietly(10)
    world.pass_quietly(20)
    assert [world.server(id).replica.csn for id in range(2)] == [4, 4]


def test_what_is_committed_in_a_round_that_ends_at_once_is_told_to_whoever_waits_for_it() -> None:
    """The primary waits for nobody here, as it lacks a function that writes of the other one call."""
    world = started("", FUNCTIONS)
    world.start_client(11, 1)
    world.pass_quietly(1)
    world.disconnect(0, 1)
    world.ask(11, Do(put("w")))
    write = [*world.server(1).replica.log.tentative][-1]
    world.ask(11, Do(call("c", "ann")))
    world.pass_quietly(1)
    order = world.order(10, Do(AwaitCommitted(write.stamp, write.server, 20.0)))
    world.pass_quietly(1)
    world.connect(0, 1)
    world.pass_quietly(0.2)
    assert world.server(0).replica.csn >= 2
    assert world.answer(order) is not None


def test_after_a_pause_every_server_is_asked_at_once() -> None:
    """Not only after a period: what they have heard meanwhile is missing here."""
    nodes = at_rest(3)
    order(nodes[2], Pause(paused=True), now=10.0)
    resumed = order(nodes[2], Pause(paused=False), now=10.0)
    assert [peer for peer, message in resumed.sends if isinstance(message, Pull)] == [0, 1]
    order(nodes[2], Pause(paused=True), now=11.0)
    order(nodes[2], Retire(), now=11.0)
    resumed = order(nodes[2], Pause(paused=False), now=11.0)
    assert pulls(resumed) == [], "who is leaving asks for nothing"
