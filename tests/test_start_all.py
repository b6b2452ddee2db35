"""Several nodes that are started at once: all are there and connected, or none."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bayou.families.log.messages import BeClient, BeServer
from bayou.machine.messages import Done, Failed, Links
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import NodeLost, NodeSpec, WorldSettings
from tests.processes import wait_until

if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from bayou.worlds.world import World

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

CHAT = "bayou.families.chat.machines"


def server(id: int, what: Message | None = None) -> tuple[NodeSpec, range]:
    what = what or BeServer((0, 1, 2), None, None, 1.0)
    return NodeSpec(id, f"server {id}", True, CHAT, what), range(id)


def client(id: int) -> tuple[NodeSpec, range]:
    return NodeSpec(1000 + id, f"client {id}", False, CHAT, BeClient(id, False, 1.0)), range(3)


NODES = [server(0), server(1), server(2), client(0), client(1)]


def connections(world: World) -> dict[int, list[int]]:
    """Return whom each node is connected to."""
    found = {}
    for node, links in world.survey().items():
        assert isinstance(links, Links)
        found[node] = sorted(links.peers)
    return found


ALL = {
    0: [1, 2, 1000, 1001],
    1: [0, 2, 1000, 1001],
    2: [0, 1, 1000, 1001],
    1000: [0, 1, 2],
    1001: [0, 1, 2],
}


@pytest.mark.parametrize("expected", ["", CHAT, "bayou.families.store.machines"])
def test_all_are_connected_in_processes(expected: str) -> None:
    """Whatever the parent of all nodes was told to get ready."""
    world = ProcessWorld(WorldSettings(machines="bayou.families.store.machines"))
    try:
        if expected:
            world.expect(expected)
        assert world.start_all(NODES) == [Done()] * 5
        assert sorted(world.pids) == [0, 1, 2, 1000, 1001]
        assert connections(world) == ALL
    finally:
        world.close()


def test_all_are_connected_in_the_simulated_world() -> None:
    world = SimulatedWorld()
    world.expect(CHAT)
    assert world.start_all(NODES) == [Done()] * 5
    assert connections(world) == ALL


def test_those_that_run_already_are_connected_too() -> None:
    world = ProcessWorld()
    try:
        assert world.start_all(NODES[:2]) == [Done()] * 2
        assert world.start_all(NODES[2:]) == [Done()] * 3
        assert connections(world) == ALL
    finally:
        world.close()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_where_one_can_not_be_started_none_is(at: int) -> None:
    world = ProcessWorld()
    nodes = [server(id, Done() if id == at else None) for id in range(3)]
    try:
        (answer,) = world.start_all(nodes)
        assert isinstance(answer, Failed)
        assert answer.why == "a log has no Done"
        assert world.pids == {}
        assert world.start_all(NODES) == [Done()] * 5
        assert connections(world) == ALL
    finally:
        world.close()


def test_without_the_parent_of_all_nodes_none_is_started() -> None:
    world = ProcessWorld()
    try:
        warm = world._warm_pid
        os.kill(warm, signal.SIGKILL)
        wait_until(lambda: ") Z" in Path(f"/proc/{warm}/stat").read_text())
        world.expect(CHAT)
        with pytest.raises(NodeLost, match="the parent of all nodes has ended"):
            world.start_all(NODES)
    finally:
        world.close()
