"""Meshes of many servers: what a join costs at each of them does not grow faster than it has to, and a join
that others follow costs the group no round."""

from __future__ import annotations

import os
import random
import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from bayou.core.name import ROOT
from bayou.core.vector import VersionVector
from bayou.master.console import read_ahead
from bayou.master.run import Run, RunSettings
from bayou.master.vocabulary import COMMANDS
from bayou.node.messages import Converge, Message
from bayou.wire.columns import pack_vector, unpack_vector
from bayou.worlds.processes import stream
from bayou.worlds.processes.stream import EventPoll, new_poll
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import WorldSettings
from tests.behaviour.scenarios import replicas

if TYPE_CHECKING:
    from bayou.worlds.processes.stream import Poll

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


# Joins that follow each other.


class Counting(SimulatedWorld):
    """Counts the rounds that servers take part in, each server of each."""

    rounds = 0

    def ask_all(self, orders: Sequence[tuple[int, Message]]) -> list[Message]:
        self.rounds += sum(isinstance(order, Converge) for _, order in orders)
        return super().ask_all(orders)


class Told:
    """A simulated run that looks ahead, which simulated runs of users do not, or carries out line by line."""

    def __init__(self, lines: Iterable[str], *, ahead: bool) -> None:
        self.world = Counting(check=True)
        self.printed: list[bytes] = []
        self.errors: list[str] = []
        self.states: dict[int, object] = {}
        settings = RunSettings(looks_ahead=ahead)
        self.run = Run(self.world, COMMANDS, settings, write=self.printed.append, complain=self.errors.append)
        given = [line.encode() for line in lines]
        for number, (line, following) in enumerate(zip(given, [*given[1:], b""], strict=True), start=1):
            self.run.line(number, line, following)
            if not following.startswith(b"joinServer"):
                self.states[number] = self.state()

    def state(self) -> object:
        """All that servers know: names, logs, what is committed of them, vectors."""
        replicas = {server: self.world.server(server).replica for server in self.run.topology.servers}
        return {
            server: (replica.name, replica.log.page(0, len(replica.log)), dict(zip(
                replica.vector.names, replica.vector.stamps, strict=True
            )))
            for server, replica in replicas.items()
        }  # fmt: skip


def with_many_joins(seed: int) -> list[str]:
    """A scenario in which servers come in crowds, whatever else goes on."""
    rng = random.Random(seed)
    ids = rng.sample(range(-20, 20), 30)
    servers, lines = ids[:9], [f"joinServer {ids[0]}"]
    for _ in range(40):
        a, b = rng.choice(servers), rng.choice(servers)
        lines += rng.choice(
            (
                [f"joinServer {server}" for server in rng.sample(servers, rng.randrange(1, 6))],
                [f"joinClient {rng.choice(ids[20:])} {a}"],
                [f"put {rng.choice(ids[20:])} {rng.choice('abc')} {rng.random()}"] * 2,
                [f"breakConnection {a} {b}"],
                [f"restoreConnection {a} {b}"],
                [f"retireServer {a}"],
                [rng.choice(("pause", "start", "start", "stabilize"))],
                [f"printLog {a}"],
            )
        )
    return lines


@pytest.mark.parametrize("seed", range(60))
def test_putting_rounds_off_changes_nothing_that_anybody_can_see(seed: int) -> None:
    lines = with_many_joins(seed)
    ahead, one_by_one = Told(lines, ahead=True), Told(lines, ahead=False)
    assert ahead.printed == one_by_one.printed
    assert ahead.errors == one_by_one.errors
    assert ahead.states == one_by_one.states


def test_some_of_them_are_put_off() -> None:
    saved = 0
    for seed in range(60):
        lines = with_many_joins(seed)
        saved += Told(lines, ahead=False).world.rounds - Told(lines, ahead=True).world.rounds
    assert saved > 500


def test_a_mesh_is_brought_level_once() -> None:
    lines = [f"joinServer {server}" for server in range(12)]
    assert Told(lines, ahead=True).world.rounds == 12
    assert Told(lines, ahead=False).world.rounds == sum(range(2, 13))


@pytest.mark.parametrize("off", ["joinServer 1", "joinServer", "joinServer x", "joinServer 9 9"])
def test_what_was_put_off_is_made_up_for_where_the_next_join_is_off(off: str) -> None:
    lines = ["joinServer 0", "joinServer 1", "joinServer 2", off, "printLog 0"]
    ahead, one_by_one = Told(lines, ahead=True), Told(lines, ahead=False)
    assert len(ahead.errors) == 1
    assert ahead.states == one_by_one.states
    assert len(ahead.states) == 2


@pytest.mark.parametrize("before", ["breakConnection 0 1", "pause", "delay 0 1 20"])
def test_nothing_is_put_off_where_more_than_the_newcomer_may_be_behind(before: str) -> None:
    lines = ["joinServer 0", "joinServer 1", before, "joinServer 2", "joinServer 3"]
    ahead, one_by_one = Told(lines, ahead=True), Told(lines, ahead=False)
    assert ahead.errors == one_by_one.errors == []
    assert ahead.world.rounds == one_by_one.world.rounds


def test_the_next_line_is_told_where_it_is_at_hand_only() -> None:
    """Whoever waits to see what a line does before writing the next one must not have to wait for ever."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"):
        lines = read_ahead(reader)
        os.write(writer, b"\xef\xbb\xbfone\r\ntwo\n\nfour")
        assert next(lines) == (1, b"one\r", b"two")
        assert next(lines) == (2, b"two", b"")
        assert next(lines) == (3, b"", b"")
        os.write(writer, b"teen\nfive\nsix")
        os.close(writer)
        assert list(lines) == [(4, b"fourteen", b"five"), (5, b"five", b""), (6, b"six", b"")]
