"""A server takes only what it can execute: what becomes of writes that call functions which it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bayou.core.body import made_body
from bayou.core.errors import BayouError, MissingFunction
from bayou.core.values import to_value
from bayou.families.store.lockstep import LockStep
from bayou.families.store.machines import restore
from bayou.families.store.specs import BeServer, server_spec
from bayou.families.store.topology import Topology
from bayou.machine.machine import Surroundings
from bayou.machine.messages import Failed
from bayou.node.asks import Change, NotTaken
from bayou.node.exchange import REST_MAX_S, REST_S
from bayou.node.messages import TURNED_DOWN, Did, Do, Join, Joined, Put, Retire, Retired
from bayou.node.settings import Habits, Settings
from bayou.worlds.world import NodeSpec
from tests.simulated import StoreWorld

FUNCTIONS = str(Path(__file__).parent / "write_functions.py")
MISSING = "the function book 1 is missing here"


def spec(server: int, functions: str = FUNCTIONS, *, free: bool = True) -> NodeSpec:
    return server_spec(
        server, BeServer(Settings(habits=Habits() if free else None), False, free, "", functions)
    )


def started(*functions: str, free: bool = True) -> StoreWorld:
    """Return a world with servers 0, 1 ... that have these functions, and a client at the first."""
    world = StoreWorld(check=True)
    for server, each in enumerate(functions):
        answer = world.start(spec(server, each, free=free), list(range(server)), Join(first=server == 0))
        assert isinstance(answer, Joined)
    world.start_client(10, 0)
    return world


def call(name: str, who: str) -> Change:
    body = {"name": name, "call": ["book", 1], "args": {"rooms": ["a", "b"], "who": who}}
    return Change(made_body(body).text)


def put(key: str) -> Put:
    return Put("n", key, to_value(key))


def rows(world: StoreWorld, server: int) -> list[str]:
    return [row[0] for name in ("n", "rooms") for row in world.server(server).replica.rows(name)]


def test_an_exchange_ends_before_what_is_missing_and_is_begun_again_later() -> None:
    """What came before stays, the connection too, and nobody waits for such a server."""
    world = started(FUNCTIONS, "", FUNCTIONS)
    for ask in (put("before"), call("w", "ann"), put("behind")):
        world.ask(10, Do(ask))
        world.pass_quietly(0.2)
    world.pass_quietly(0.5)
    lacking = world.server(1)
    assert [rows(world, server) for server in range(3)] == [
        ["before", "behind", "a"],
        ["before"],
        ["before", "behind", "a"],
    ]
    assert world.dropped == []
    assert world.is_connected(0, 1)
    told = [(missing.function, missing.version) for _, missing in lacking.lacking]
    assert told == [("book", 1), ("book", 1)]  # of either of the others
    assert world.server(0).lacking == []
    assert world.server(0).replica.needs == [("book", 1)]
    assert lacking.replica.needs == []
    # What it writes itself goes on, and is committed.
    lacking_client = 11
    world.start_client(lacking_client, 1)
    did: Any = world.ask(lacking_client, Do(put("own")))
    assert did.verdict == "ok"
    world.pass_quietly(3)
    assert "own" in rows(world, 0)
    assert len(world.server(0).replica.log.tentative) == 0
    # It asks more and more seldom.
    rests = [lacking.peers.of(0).rest_s]
    for _ in range(30):
        world.pass_quietly(5)
        rests.append(lacking.peers.of(0).rest_s)
    assert sorted(set(rests)) == sorted(
        rests[:1] + [each for each in (4.0, 8.0, 16.0, 32.0, REST_MAX_S) if each > rests[0]]
    )
    assert lacking.peers.of(0).rest_s == REST_MAX_S
    assert REST_S <= rests[0] < REST_MAX_S
    # With the function it takes all of it.
    world.crash(1)
    world.restart(spec(1), [0, 2])
    world.pass_quietly(1)
    assert rows(world, 1) == ["before", "behind", "own", "a"]
    assert world.server(1).lacking == []


def test_a_client_is_told_why() -> None:
    world = started("")
    did: Any = world.ask(10, Do(call("w", "ann")))
    assert isinstance(did, Did)
    assert did.verdict == TURNED_DOWN
    assert isinstance(did.reply, NotTaken)
    assert MISSING in did.reply.why
    assert world.is_connected(0, 10)
    world = started(FUNCTIONS)
    did = world.ask(10, Do(Change(made_body({"name": "w", "call": ["half", 1], "args": "x"}).text)))
    assert isinstance(did.reply, NotTaken)
    assert "the function half 1 raised TypeError" in did.reply.why
    assert len(world.server(0).replica.log) == 0


def test_lock_step_ends_with_an_error_that_says_why() -> None:
    world = started(FUNCTIONS, "", free=False)
    topology = Topology()
    for server in (0, 1):
        topology.add_server(server)
    world.ask(10, Do(call("w", "ann")))
    with pytest.raises(BayouError, match=f"server 1 takes no part in rounds: {MISSING}"):
        LockStep(world, topology, {}).settle([0])
    assert world.dropped == []


@pytest.mark.parametrize("free", [True, False])
def test_a_newcomer_that_lacks_one_can_not_take_over(free: bool) -> None:
    world = started(FUNCTIONS, free=free)
    world.ask(10, Do(call("w", "ann")))
    answer = world.start(spec(1, "", free=free), [0], Join(first=False))
    assert isinstance(answer, Failed)
    assert answer.why.startswith(f"it can't take over what server 0 has: {MISSING}")
    assert 1 not in world.nodes


def test_a_newcomer_takes_a_base_that_has_what_came_of_it() -> None:
    world = started(FUNCTIONS)
    world.ask(10, Do(call("w", "ann")))
    replica = world.server(0).replica
    replica.fold()
    replica.truncate(replica.csn)
    assert isinstance(world.start(spec(1, ""), [0], Join(first=False)), Joined)
    assert rows(world, 1) == ["a"]


def test_who_lacks_one_is_no_heir() -> None:
    """The next one is: and what there is is handed over to that one alone."""
    world = started(FUNCTIONS, "", FUNCTIONS)
    world.ask(10, Do(call("w", "ann")))
    world.pass_quietly(1)
    retired: Any = world.ask(0, Retire())
    assert isinstance(retired, Retired)
    world.pass_quietly(3)
    assert world.server(2).replica.is_primary
    assert (rows(world, 1), rows(world, 2)) == ([], ["a"])


def test_a_server_is_not_started_without_what_its_log_needs() -> None:
    world = started(FUNCTIONS)
    world.ask(10, Do(call("w", "ann")))
    be = BeServer(Settings(), False, True, "", "")
    around = Surroundings(world._rng, world.now_s, 0.0)
    with pytest.raises(MissingFunction, match=f"{MISSING}: start the server with it"):
        restore(0, be, around, world.journals[0])
