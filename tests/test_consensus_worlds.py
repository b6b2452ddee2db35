"""Chat and locks in both worlds against the sequential twin: samples of tests.consensus_runs."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bayou.families.log.client import LogClient
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.worlds.simulated import SimulatedWorld
from tests.consensus_runs import compare
from tests.processes import run_master

if TYPE_CHECKING:
    from pathlib import Path

    from bayou.families.log.client import ClientEffects
    from bayou.machine.effects import Input
from tests.consensus_seeds import names, runs_that_differ


@pytest.mark.parametrize("family", ["chat", "locks"])
@pytest.mark.parametrize("first", [0, 500])
def test_lock_step_is_what_the_twin_says(family: str, first: int) -> None:
    for seed in range(first, first + 20):
        assert compare(family, seed, "sim") == [], (family, seed)


@pytest.mark.processes
@pytest.mark.parametrize("family", ["chat", "locks"])
def test_lock_step_on_processes_is_what_the_twin_says(family: str) -> None:
    for seed in range(1000, 1004):
        assert compare(family, seed, "processes", length=20) == [], (family, seed)


@pytest.mark.processes
@pytest.mark.parametrize("name", names()[::12])
def test_a_scenario_prints_the_same_under_four_hash_seeds(name: str) -> None:
    assert runs_that_differ(name) == []


def test_a_slot_costs_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slots are decided one after another, a client is told each of them once, and says once
    that it knows."""
    heard: Counter[str] = Counter()
    step = LogClient.step

    def counted(self: LogClient, now: float, given: Input) -> ClientEffects:
        heard[type(given).__name__] += 1
        return step(self, now, given)

    monkeypatch.setattr(LogClient, "step", counted)
    run = Run(SimulatedWorld(), COMMANDS, write=lambda _: None, complain=lambda _: None)
    slots = ",".join(map(str, range(1000)))
    for number, line in enumerate(("start 3 2", f"skipSlots {slots}", "sendMessage 0 a"), start=1):
        run.line(number, line.encode())
    assert 2 * 1001 <= heard["Received"] < 3 * 1001


@pytest.mark.parametrize("family", ["chat", "locks"])
def test_how_often_a_leader_is_heard_is_set_for_chat_and_for_locks(family: str, tmp_path: Path) -> None:
    """A free-running leader is killed: the next one is heard of the sooner the more often leaders are."""

    def waited(*options: str) -> float:
        start, use = ("start", "sendMessage 0 a") if family == "chat" else ("startLocks", "lock 0 1")
        text = f"{start} 3 1\n{use}\nallClear\ncrashServer 0\n{use}\nallClear\n"
        trace = tmp_path / "trace"
        done = run_master(text, "--world", "sim", "--free-running", "--trace", str(trace), *options)
        assert done.returncode == 0
        events = [json.loads(line) for line in trace.read_text().splitlines()]
        return float(max(event["t"] for event in events if "t" in event))

    assert waited("--heartbeat", "1") > 10 * waited("--heartbeat", "0.05")
