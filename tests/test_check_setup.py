"""The first event of a trace: what a simulated run is made of, as plain data and back, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bayou.families.store.options import settings_of
from bayou.families.store.settings import StoreSettings, plain_of
from bayou.judging.began import began, patience_of, setup_of, with_patience
from bayou.node.session import Guarantees
from bayou.node.settings import Habits, Keep, Limits, Settings
from bayou.worlds.simulated.setup import Setup
from tests.simulated import store_options

GUARANTEES = Guarantees(False, True, False, True)
HABITS = Habits(0.2, 0.1, "turn", 1.5, 0.7)
KEEP = Keep(0, 0.5, 0, 3, 0.1, 2, 1)
SETTINGS = Settings(0.5, 9.0, 17, 4, Limits(3, 999, 2), keep=KEEP)


@pytest.mark.parametrize(
    "setup",
    [
        Setup(),
        Setup(7, patience_s=3.0, families=store_options(Guarantees(monotonic_reads=False))),
        Setup(1, free_running=True, families=store_options(habits=Habits(0.3, partners="all"))),
        Setup(2, True, 3.0, store_options(GUARANTEES, HABITS, SETTINGS), 0.02, 0.005, 0.3, "a bug"),
    ],
)
def test_a_setup_comes_back_from_a_trace(setup: Setup) -> None:
    assert setup_of(json.loads(json.dumps(began(setup)))) == setup


@pytest.mark.parametrize(
    "settings",
    [
        StoreSettings(),
        StoreSettings(Guarantees(False, False, False, False)),
        StoreSettings(Guarantees(monotonic_reads=False), Habits(0.3, partners="all")),
        StoreSettings(GUARANTEES, HABITS, SETTINGS),
        StoreSettings(server=Settings(keep=Keep(None))),
    ],
)
def test_what_the_store_is_set_to_comes_back_from_plain_data(settings: StoreSettings) -> None:
    """Each field of it: none is left out, and none is another one."""
    assert settings_of(json.loads(json.dumps(plain_of(settings)))) == settings


def test_what_a_trace_leaves_out_is_as_by_default() -> None:
    """Traces of `bayou sim` have no settings, and those of later versions may have more."""
    first = began(Setup(3, free_running=True))
    del first["settings"]
    assert setup_of(first) == Setup(3, free_running=True)
    first["families"] = {"store": {"server": {"limits": {"items": 3}}, "habits": {"period_s": 0.5}}}
    families = setup_of(first).families
    assert families == first["families"]
    assert settings_of(families["store"]) == StoreSettings(
        habits=Habits(0.5), server=Settings(limits=Limits(items=3))
    )
    assert settings_of({}) == StoreSettings()


def test_a_command_has_its_own_patience_or_that_of_the_run() -> None:
    setup = Setup(patience_s=3.0)
    command = {"event": "command", "place": "seed 0:1", "text": "stabilize"}
    assert with_patience(command, 3.0, setup) == command
    patient = with_patience(command, 120.0, setup)
    assert patient == {**command, "patience_s": 120.0}
    assert patience_of(command, setup) == 3.0
    assert patience_of(patient, setup) == 120.0
    assert with_patience({"event": "left", "server": 1}, 120.0, setup) == {"event": "left", "server": 1}


def store(**plain: object) -> dict[str, Any]:
    """Return what in a trace sets the store to this."""
    return {"families": {"store": plain}}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"world": "processes"}, "simulated"),
        ({"event": "log"}, "simulated"),
        ({"version": 99}, "version 99"),
        ({"version": 1}, "version 1"),
        ({"seed": None}, "seed"),
        ({"seed": True}, "seed"),
        ({"free_running": 1}, "free_running"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"deadline_s": float("nan")}, "deadline_s"),
        ({"settings": []}, "settings"),
        ({"settings": {"flush": 1.0}}, "flush"),
        ({"settings": {"flush_s": -1.0}}, "flush_s"),
        ({"settings": {"latency_s": 0.0}}, "latency_s"),
        ({"settings": {"behind_s": "x"}}, "behind_s"),
        ({"settings": {"bug": 3}}, "bug"),
        ({"settings": {"server": {}}}, "server"),
        ({"families": []}, "families"),
        ({"families": {"shop": {}}}, "no family 'shop'"),
        ({"families": {"store": 3}}, "store is an object"),
        (store(colour=3), "colour"),
        (store(guarantees="RYW"), "guarantees"),
        (store(guarantees=["XYZ"]), "XYZ"),
        (store(habits=3), "habits"),
        (store(habits={"colour": 3}), "colour"),
        (store(habits={"period_s": 1e-300}), "period_s"),
        (store(habits={"period_s": 0.0}), "period_s"),
        (store(habits={"period_s": True}), "period_s"),
        (store(habits={"partners": ["all"]}), "partners"),
        (store(habits={"partners": "some"}), "partners"),
        (store(habits={"jitter": 1.0}), "jitter"),
        (store(server=3), "server"),
        (store(server={"colour": 3}), "colour"),
        (store(server={"limits": 3}), "limits"),
        (store(server={"limits": {"items": 0}}), "items"),
        (store(server={"limits": {"items": 1.5}}), "items"),
        (store(server={"limits": {"part_end": 3}}), "part_end"),
        (store(server={"short_max": True}), "short_max"),
        (store(server={"retry_s": 0}), "retry_s"),
        (store(server={"habits": {"period_s": 0.5}}), "habits"),
        (store(server={"wall_offset_s": 0.0}), "wall_offset_s"),
        (store(server={"keep": 3}), "keep"),
        (store(server={"keep": {"colour": 3}}), "colour"),
        (store(server={"keep": {"writes": -1}}), "writes"),
        (store(server={"keep": {"marks": None}}), "marks"),
        (store(server={"keep": {"marks": True}}), "marks"),
        (store(server={"keep": {"age_s": -0.1}}), "age_s"),
        (store(server={"keep": {"fold_writes": 0}}), "fold_writes"),
        (store(server={"keep": {"idle_s": 0.0}}), "idle_s"),
    ],
)
def test_a_setup_that_makes_no_sense_is_refused(changed: dict[str, Any], why: str) -> None:
    """Nothing that lets a replay crash, or virtual time stand still."""
    first = {**began(Setup(free_running=True)), **changed}
    with pytest.raises(ValueError, match=why):
        setup_of(first)


def test_a_setup_without_a_field_is_refused() -> None:
    for name in ("version", "seed", "families", "free_running", "deadline_s"):
        first = began(Setup())
        del first[name]
        with pytest.raises(ValueError, match=name):
            setup_of(first)
