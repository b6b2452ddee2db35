"""Chat and locks in both worlds against the sequential twin: samples of tests.consensus_runs."""

from __future__ import annotations

import pytest

from tests.consensus_runs import compare
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
