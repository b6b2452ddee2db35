"""Runs of random scripts in the simulated world: deadlocks are told where there are any, and nowhere else."""

from __future__ import annotations

import random

import pytest

from bayou.core.errors import BayouError
from bayou.families.locks.script import SLEEP, Step
from bayou.families.locks.table import LOCK, UNLOCK
from bayou.families.log.settings import plain_of
from bayou.running.agenda import Agenda
from bayou.running.arguments import settings_for
from bayou.running.leaders import await_leader
from bayou.running.scripts import Plan, Script, ScriptRun, ScriptSystem, Stuck
from bayou.running.stage import RunStage
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import NodeSpec, Unsupported, WorldSettings


def run(scripts: list[Script], plan: Plan, seed: int) -> list[str]:
    """Run scripts; return the grants."""
    printed: list[bytes] = []
    world = SimulatedWorld(WorldSettings(600.0), seed=seed, check=True)
    options = {"locks": plain_of(settings_for(0.2))}
    stage = RunStage(world, write=printed.append, tell=lambda _: None, options=options)
    ScriptRun(ScriptSystem(stage, scripts), scripts, plan).run()
    return b"".join(printed).decode().splitlines()


def plan(rng: random.Random) -> Plan:
    faults = {"loss": 0.3 * rng.random(), "duplicate": 0.2, "reorder": 0.3, "delay_s": 0.1 * rng.random()}
    fails = tuple((rng.randrange(5), 3 * rng.random()) for _ in range(rng.randrange(4)))
    return Plan(5, faults, fails, recover_s=rng.random(), deadline_s=300.0)


@pytest.mark.parametrize("seed", range(40))
def test_who_takes_locks_in_one_order_gets_them_all(seed: int) -> None:
    """Nobody is ever told of a deadlock, however late the news of a lock that was given back."""
    rng = random.Random(f"in order {seed}")
    scripts, expected = [], 0
    for client in range(rng.randrange(2, 6)):
        steps: list[Step] = []
        for _ in range(rng.randrange(1, 4)):
            locks = sorted(rng.sample(range(4), rng.randrange(1, 4)))
            expected += len(locks)
            steps += [Step(1, LOCK, lock) for lock in locks]
            steps += [Step(1, SLEEP, seconds=rng.random())] if rng.random() < 0.3 else []
            steps += [Step(1, UNLOCK, lock) for lock in rng.sample(locks, len(locks))]
        scripts.append(Script(str(client), tuple(steps)))
    assert len(run(scripts, plan(rng), seed)) == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_circle_is_always_told(seed: int) -> None:
    """And who is in it: each waits for the lock that the next one holds. Nobody else waits for ever."""
    rng = random.Random(f"circle {seed}")
    size = rng.randrange(2, 5)
    scripts = [
        Script(
            f"s{client}",
            (Step(1, LOCK, client), Step(2, SLEEP, seconds=60.0), Step(3, LOCK, (client + 1) % size)),
        )
        for client in range(size)
    ]
    scripts += [Script("other", (Step(1, LOCK, 9), Step(2, SLEEP, seconds=100.0), Step(3, UNLOCK, 9)))]
    with pytest.raises(Stuck, match="deadlock") as told:
        run(scripts, plan(rng), seed)
    assert told.value.lines == [
        f"s{client}:3: client {client} waits for lock {other}, which client {other} holds"
        for client in range(size)
        for other in [(client + 1) % size]
    ]


def test_a_leader_that_was_killed_and_is_back_leads_no_more() -> None:
    """Its ballot is the highest that anybody has heard of, until somebody else leads."""
    world = SimulatedWorld(WorldSettings(60.0))
    system = ScriptSystem(RunStage(world), [])
    system.start(3, 0)
    first = await_leader(system)
    assert first.node == 0
    world.pass_quietly(1.0)
    system.crash(0)
    system.restart(0)
    assert await_leader(system) == first
    again = await_leader(system, first)
    assert again > first
    assert again.node in system.live
    system.crash(again.node)
    assert await_leader(system, again).node != again.node


def test_what_is_due_is_done_in_order() -> None:
    agenda, done = Agenda(), list[str]()
    for at_s, name in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (3.0, "d")):
        agenda.put(at_s, lambda name=name: done.append(name))  # type: ignore[misc]
    assert not agenda.do_what_is_due(0.5)
    assert agenda.next_at_s() == 1.0
    assert agenda.do_what_is_due(2.0)
    assert done == ["a", "b", "c"]
    assert agenda.do_what_is_due(9.0)
    assert agenda.next_at_s() is None


def test_a_simulated_server_keeps_nothing_in_files() -> None:
    """It is refused, and not started."""
    world = SimulatedWorld()
    scripts = [Script("a", (Step(1, LOCK, 1),))]
    system = ScriptSystem(RunStage(world), scripts, ["d/server-0.journal"])
    with pytest.raises(Unsupported, match="keeps nothing in files") as refused:
        system.start(1, 1)
    assert isinstance(refused.value, BayouError)
    assert world.nodes == {}
    assert isinstance(system.server_spec(0), NodeSpec)


def test_waiting_for_one_of_several_answers_or_a_time() -> None:
    """Virtual time stands where it was waited for, whatever the deadline of commands."""
    world = SimulatedWorld(WorldSettings(1.0))
    assert not world.await_answer({}, 50.0)
    assert world.now_s == 50.0
    assert not world.await_answer({7: None}, 10.0)
    assert world.now_s == 50.0
