"""The first event of a trace: what a simulated run is made of, as plain data and back, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bayou.explore.files import HEADER, read_scenario
from bayou.explore.setup import Setup, patience_of, setup_of, with_patience
from bayou.node.exchange import Limits
from bayou.node.gossip import Habits
from bayou.node.server import Settings
from bayou.node.session import Guarantees

HABITS = Habits(0.2, 0.1, "turn", 1.5, 0.7)
SETTINGS = Settings(0.5, 9.0, 17, 4, Limits(3, 999, 2), HABITS, 0.25)


@pytest.mark.parametrize(
    "setup",
    [
        Setup(),
        Setup(7, Guarantees(monotonic_reads=False), patience_s=3.0),
        Setup(1, free_running=True, habits=Habits(0.3, partners="all")),
        Setup(
            2, Guarantees(False, False, False, False), True, 3.0, HABITS, SETTINGS, 0.02, 0.005, 0.3, "a bug"
        ),
    ],
)
def test_a_setup_comes_back_from_a_trace(setup: Setup) -> None:
    assert setup_of(json.loads(json.dumps(setup.began()))) == setup


def test_what_a_trace_leaves_out_is_as_by_default() -> None:
    """Traces of `bayou sim` have no settings, and those of later versions may have more."""
    began = Setup(3, free_running=True, habits=Habits()).began()
    del began["settings"]
    assert setup_of(began) == Setup(3, free_running=True, habits=Habits())
    began["settings"] = {"server": {"limits": {"items": 3}, "habits": {"period_s": 0.5}}}
    assert setup_of(began).server == Settings(limits=Limits(items=3), habits=Habits(0.5))


def test_a_command_has_its_own_patience_or_that_of_the_run() -> None:
    setup = Setup(patience_s=3.0)
    command = {"event": "command", "place": "seed 0:1", "text": "stabilize"}
    assert with_patience(command, 3.0, setup) == command
    patient = with_patience(command, 120.0, setup)
    assert patient == {**command, "patience_s": 120.0}
    assert patience_of(command, setup) == 3.0
    assert patience_of(patient, setup) == 120.0
    assert with_patience({"event": "left", "server": 1}, 120.0, setup) == {"event": "left", "server": 1}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"world": "processes"}, "simulated"),
        ({"event": "log"}, "simulated"),
        ({"version": 99}, "version 99"),
        ({"version": 1}, "version 1"),
        ({"version": 2.0}, "version 2.0"),
        ({"seed": None}, "seed"),
        ({"seed": True}, "seed"),
        ({"free_running": 1}, "free_running"),
        ({"guarantees": "RYW"}, "guarantees"),
        ({"guarantees": ["XYZ"]}, "XYZ"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"deadline_s": float("nan")}, "deadline_s"),
        ({"gossip_period_s": 1e-300}, "gossip_period_s"),
        ({"partners": ["all"]}, "partners"),
        ({"settings": []}, "settings"),
        ({"settings": {"flush": 1.0}}, "flush"),
        ({"settings": {"flush_s": -1.0}}, "flush_s"),
        ({"settings": {"latency_s": 0.0}}, "latency_s"),
        ({"settings": {"bug": 3}}, "bug"),
        ({"settings": {"server": 3}}, "server"),
        ({"settings": {"server": {"colour": 3}}}, "colour"),
        ({"settings": {"server": {"limits": {"items": 0}}}}, "items"),
        ({"settings": {"server": {"limits": {"items": 1.5}}}}, "items"),
        ({"settings": {"server": {"short_max": True}}}, "short_max"),
        ({"settings": {"server": {"habits": {"period_s": 0.0}}}}, "period_s"),
        ({"settings": {"server": {"habits": {"jitter": 1.0}}}}, "jitter"),
        ({"settings": {"server": {"wall_offset_s": "x"}}}, "wall_offset_s"),
    ],
)
def test_a_setup_that_makes_no_sense_is_refused(changed: dict[str, Any], why: str) -> None:
    """Nothing that lets a replay crash, or virtual time stand still."""
    began = {**Setup(free_running=True, habits=Habits()).began(), **changed}
    with pytest.raises(ValueError, match=why):
        setup_of(began)


def test_a_setup_without_a_field_is_refused() -> None:
    for name in ("version", "seed", "guarantees", "free_running", "deadline_s"):
        began = Setup().began()
        del began[name]
        with pytest.raises(ValueError, match=name):
            setup_of(began)


def test_a_scenario_found_by_an_earlier_version_keeps_its_conditions(tmp_path: Path) -> None:
    """Of version 1 the events are others, not the conditions; a trace of it can't be had again."""
    setup = Setup(3)
    older = json.dumps({**setup.began(), "version": 1})
    found = tmp_path / "found.scenario"
    found.write_text(f"{HEADER}{older}\njoinServer 0\n")
    assert read_scenario(found).setup == setup
    with pytest.raises(ValueError, match="it is of version 1"):
        setup_of(json.loads(older))
