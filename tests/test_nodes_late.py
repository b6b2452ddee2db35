"""Slow connections, several retirements at once, pauses in the middle: orders of events that the master's
lock-step never brings about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bayou.core.write import CREATION
from bayou.machine.messages import Message
from bayou.node.desk import NUMBERS_FOR_EACH_ANSWER
from bayou.node.messages import (
    AskHeir,
    Converge,
    Converged,
    Created,
    Do,
    Get,
    HandOver,
    Join,
    Joined,
    Pause,
    Put,
    Request,
    Retire,
    Retired,
    Willing,
)
from bayou.node.server import Server
from bayou.node.settings import Settings
from bayou.worlds.simulated import Arrival
from bayou.worlds.world import WorldSettings
from tests.rows import change, place, row, text_value
from tests.simulated import StoreWorld
from tests.test_nodes import Numbers, hear, order


def system(count: int, **options: object) -> StoreWorld:
    """Return a world with that many servers, all connected, in which nothing is on its way."""
    world = StoreWorld(WorldSettings(deadline_s=600.0), check=True, **options)  # type: ignore[arg-type]
    for server in range(count):
        answer = world.start_server(server, range(server), Join(first=not server), paused=False)
        assert isinstance(answer, Joined)
    deliver(world)
    return world


def deliver(world: StoreWorld, held: Callable[[Arrival], bool] = lambda flight: False) -> None:
    """Let all messages arrive but those that are held back, and those that they bring about."""
    while flights := [flight for flight in world.flights() if not held(flight)]:
        world.deliver(flights[0])


def sent(flight: Arrival) -> tuple[int, Message]:
    return getattr(flight.given, "peer"), getattr(flight.given, "message")  # noqa: B009


def test_an_older_promise_that_is_fulfilled_leaves_a_newer_one() -> None:
    """Server 0 asks 2 over a slow connection, then names 1 its heir; 1 asks 2 in turn, and 2 promises. Only
    then does what 0 had to say arrive at 2, which must still keep its promise to 1."""
    world = system(4)
    world.disconnect(0, 3)
    world.disconnect(0, 1)
    orders = [world.order(0, Retire())]
    (late,) = world.flights()
    assert sent(late) == (0, AskHeir(sent(late)[1].token, world.server(0).replica.name))  # type: ignore[attr-defined]
    world.connect(0, 1)
    world.pass_time(1.0)
    deliver(world, lambda flight: flight.link is late.link)
    assert world.server(1).replica.is_primary
    orders.append(world.order(1, Retire()))

    def is_promise(flight: Arrival) -> bool:
        return flight.node == 1 and isinstance(sent(flight)[1], Willing)

    deliver(world, lambda flight: flight.link is late.link or is_promise(flight))
    deliver(world, is_promise)
    orders.append(world.order(2, Retire()))
    deliver(world, is_promise)
    assert not world.server(2).replica.retired, "it has promised server 1 to be there"
    for _ in range(100):
        deliver(world)
        world.pass_time(1.0)
    assert [type(world.answer(number)) for number in orders] == [Retired, Retired, Retired]
    assert world.server(3).replica.is_primary
    assert not world.server(3).replica.log.tentative


def test_an_heir_that_lost_the_connection_asks_others_for_the_duty_even_while_paused() -> None:
    """The retiring primary was cut off from the heir that it had named, and left by way of a third server."""
    world = system(3)
    for server in range(3):
        world.order(server, Pause(paused=True))
    leaving = world.order(0, Retire())
    deliver(world, lambda flight: isinstance(sent(flight)[1], HandOver))
    world.disconnect(0, 1)
    for _ in range(5):
        deliver(world)
        world.pass_time(1.0)
    assert isinstance(world.answer(leaving), Retired)
    assert not world.server(1).replica.is_primary
    retiring = world.order(1, Retire())
    for _ in range(20):
        deliver(world)
        world.pass_time(1.0)
    assert isinstance(world.answer(retiring), Retired)
    assert world.server(2).replica.is_primary


@pytest.mark.parametrize("latency_s", [0.001, 0.51, 1.1, 4.0])
def test_round_trips_may_take_longer_than_any_patience(latency_s: float) -> None:
    """What is asked for again too early must not be begun from the start for ever."""
    world = system(2, latency_s=latency_s)
    assert isinstance(world.ask(0, Retire()), Retired)
    world = system(2, latency_s=latency_s)
    assert isinstance(world.ask(1, Retire()), Retired)


def test_rounds_grow_more_patient() -> None:
    """A chain of forty with a fifth of a second from one to the next: two passes take sixteen seconds."""
    size = 40
    world = system(size)
    world.network.latency_s = 0.2
    for attempt in range(2):
        answers = world.ask_all(
            [
                (at, Converge(attempt, at - 1 if at else None, (at + 1,) if at < size - 1 else (), attempt))
                for at in range(size)
            ]
        )
        level = all(isinstance(answer, Converged) and answer.level for answer in answers)
        assert level == (attempt == 1)


def test_pause_ends_a_round() -> None:
    """When all have answered a pause, nothing moves any more."""
    world = system(3)
    world.start_client(9, 2)
    world.ask(9, Do(Put(*row("a", "b"))))
    rounds = [
        world.order(0, Converge(1, None, (1,))),
        world.order(1, Converge(1, 0, (2,))),
        world.order(2, Converge(1, 1, ())),
    ]
    for server in range(3):
        world.order(server, Pause(paused=True))
    before = [(world.server(at).replica.csn, len(world.server(at).replica.log)) for at in range(3)]
    deliver(world)
    assert [(world.server(at).replica.csn, len(world.server(at).replica.log)) for at in range(3)] == before
    for number in rounds:
        answer = world.answer(number)
        assert isinstance(answer, Converged)
        assert not answer.level


def test_an_echo_is_harmless_after_the_answer_is_forgotten() -> None:
    node = Server(0, Numbers(0), Settings(sessions_max=3))
    order(node, Join(first=True))
    old = Request(7, 1, Put(*row("s", "u")), None, None)
    hear(node, 50, old)
    hear(node, 50, Request(7, 2, Put(*row("s", "v")), None, None))
    for session in range(100, 100 + 3 * NUMBERS_FOR_EACH_ANSWER - 1):
        hear(node, 50, Request(session, 1, Get(*place("s")), None, None))
    assert hear(node, 50, old).sends == []
    assert node.replica.get(*place("s")) == text_value("v")


@pytest.mark.parametrize(("song", "url"), [("a b", "u"), ("", "u"), ("a", "u\n"), ("a\t", None), ("a", "")])
def test_songs_and_urls_are_words(song: str, url: str | None) -> None:
    node = Server(0, Numbers(0))
    order(node, Join(first=True))
    effects = hear(node, 50, Request(7, 1, change(song, url), None, None))
    assert [peer for peer, _ in effects.drops] == [50]


@pytest.mark.parametrize("is_named", [False, True], ids=["before its name", "before its membership"])
def test_a_newcomer_that_crashes_goes_on_joining_when_it_is_back(is_named: bool) -> None:
    """Under the same name, of which the creator made one only."""
    world = StoreWorld(check=True)
    world.start_server(0, [], Join(first=True), paused=False)
    world.start_client(9, 0)
    world.ask(9, Do(Put(*row("a", "b"))))
    world.add_server(1, [0], paused=False)
    world.order(1, Join(first=False))
    while True:
        flight = world.flights()[0]
        if not is_named and isinstance(getattr(flight.given, "message", None), Created):
            break
        world.deliver(flight)
        if is_named and world.server(1).name is not None:
            break
    assert (world.server(1).name is not None, world.server(1).is_member) == (is_named, False)
    world.crash(1)
    world.restart_server(1, [0], paused=False)
    world.pass_quietly(60.0)
    newcomer = world.server(1)
    assert newcomer.is_member
    assert newcomer.replica.get(*place("a")) == text_value("b")
    assert [write.kind for write in world.server(0).replica.log.committed].count(CREATION) == 1
