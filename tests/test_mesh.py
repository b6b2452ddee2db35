"""Meshes of many servers: what a join costs at each of them does not grow faster than it has to."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from bayou.core.name import ROOT
from bayou.core.vector import VersionVector
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.net import stream
from bayou.net.stream import EventPoll, new_poll
from bayou.wire.columns import pack_vector, unpack_vector
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from tests.behaviour.scenarios import replicas

if TYPE_CHECKING:
    from bayou.net.stream import Poll

ON_EPOLL = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the system has no epoll")

POLLS = [
    pytest.param(select.poll, id="poll"),
    pytest.param(lambda: EventPoll(select.epoll()), id="epoll", marks=ON_EPOLL),
]

# What is waited with.


@pytest.mark.parametrize("make", POLLS)
def test_both_ways_to_wait_tell_the_same(make: Callable[[], Poll]) -> None:
    """Events, their numbers, what is looked out for, and the end of a stream."""
    poll = make()
    reader, writer = os.pipe()
    try:
        poll.register(reader, select.POLLIN)
        poll.register(writer, 0)
        assert poll.poll(0) == []
        poll.modify(writer, select.POLLOUT)
        assert poll.poll(None) == [(writer, select.POLLOUT)]
        os.write(writer, b"x")
        assert sorted(poll.poll(0)) == [(reader, select.POLLIN), (writer, select.POLLOUT)]
        poll.unregister(writer)
        assert poll.poll(None) == [(reader, select.POLLIN)]
        os.read(reader, 1)
        os.close(writer)
        writer = -1
        assert poll.poll(None) == [(reader, select.POLLHUP)]
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)


@pytest.mark.parametrize("make", POLLS)
def test_patience_is_in_milliseconds_either_way(make: Callable[[], Poll]) -> None:
    poll = make()
    began = time.monotonic()
    assert poll.poll(50.0) == []
    assert 0.049 <= time.monotonic() - began < 40


@ON_EPOLL
def test_waiting_costs_the_same_however_many_are_waited_for() -> None:
    """A select.poll walks through all that it looks at each time: n³ steps while n servers join a mesh."""
    pairs = [os.pipe() for _ in range(300)]
    try:
        few, many = new_poll(), new_poll()
        for reader, _ in pairs[:3]:
            few.register(reader, select.POLLIN)
        for reader, _ in pairs:
            many.register(reader, select.POLLIN)
        os.write(pairs[0][1], b"x")

        def seconds(poll: Poll) -> float:
            began = time.perf_counter()
            for _ in range(200):
                assert len(poll.poll(0)) == 1
            return time.perf_counter() - began

        least = [min(seconds(poll) for _ in range(10)) for poll in (few, many)]
        assert least[1] < 3 * least[0], "a select.poll takes some 15 times as long here"
    finally:
        for pair in pairs:
            for fd in pair:
                os.close(fd)


@pytest.mark.processes
def test_a_scenario_runs_on_a_system_without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_Epoll", None)
    assert isinstance(new_poll(), type(select.poll()))
    printed: list[bytes] = []
    world = ProcessWorld(WorldSettings(deadline_s=30))
    try:
        run = Run(world, COMMANDS, write=printed.append)
        for number, line in enumerate(
            ("joinServer 0", "joinServer 1", "joinClient 2 1", "put 2 a b", "get 2 a")
        ):
            run.line(number, line.encode())
    finally:
        world.close()
    assert printed == [b"a:b\n"]


# What is said.


@pytest.mark.parametrize(
    "joins", [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]], ids=["one creates all", "each creates the next"]
)
def test_servers_that_are_level_say_the_same_bytes(joins: list[int]) -> None:
    """So that a vector is unpacked once, though every server of a mesh tells it. The newcomer's own name used
    to stand in front, so that no two servers listed the same names in the same order."""
    levels = replicas("\n".join(f"joinServer {server}" for server in joins))
    assert len(levels) == 6
    assert len({pack_vector(replica.vector) for replica in levels.values()}) == 1


def test_names_that_came_in_are_not_packed_anew() -> None:
    a, b = ROOT.child(710_001), ROOT.child(710_002)
    came: Any = pack_vector(VersionVector({ROOT: 3, a: 710_005, b: 710_006}))
    names, stamps = came
    copied = bytes(bytearray(names[0])), *names[1:]
    unpack_vector((copied, stamps))
    said: Any = pack_vector(VersionVector({ROOT: 4, a: 710_007, b: 710_006}))
    assert said[0] is copied


def test_a_table_with_more_names_than_are_listed_is_not_passed_on() -> None:
    """It could hold thousands, and would go with every vector that lists the same servers."""
    a = ROOT.child(720_001)
    surplus = (
        b"\x01\x00\x00",
        b"\x04" + (720_001).to_bytes(4, "little") + (720_002).to_bytes(4, "little"),
        b"\x01\x00\x01",
    )
    vector = unpack_vector((surplus, b"\x04" + (3).to_bytes(4, "little") + (720_005).to_bytes(4, "little")))
    assert vector == VersionVector({ROOT: 3, a: 720_005})
    said: Any = pack_vector(VersionVector({ROOT: 4, a: 720_006}))
    assert said[0][1] == b"\x04" + (720_001).to_bytes(4, "little")
