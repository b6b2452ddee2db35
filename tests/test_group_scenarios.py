"""The scenarios of commit groups print the same whoever leads, and where servers are left to themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import run_master

ROOT = Path(__file__).parent.parent
SCENARIOS = sorted((ROOT / "tests").glob("group-*.test"))
STAMPED = {"group-general-writes", "group-leader-cut-off"}
"""What these print depends on the order in which writes were accepted at servers that had not heard of each
other: it is another one by the clock on the wall."""


def test_there_are_many() -> None:
    assert len(SCENARIOS) >= 18


@pytest.mark.processes
@pytest.mark.parametrize("leader", [1, pytest.param(2, marks=pytest.mark.campaign), 4])
def test_whoever_leads(leader: int) -> None:
    for scenario in SCENARIOS:
        solution = (ROOT / "solutions" / f"{scenario.stem}.sol").read_bytes()
        done = run_master("", str(scenario), "--world", "sim", "--check", "--leader", str(leader))
        assert (done.returncode, done.stdout) == (0, solution), scenario.stem


@pytest.mark.processes
def test_left_to_themselves() -> None:
    """With stabilize behind each line they come to the same."""
    for scenario in SCENARIOS:
        if scenario.stem in STAMPED:
            continue
        lines = "".join(f"{line}\nstabilize\n" for line in scenario.read_text().splitlines())
        done = run_master(lines, "--world", "sim", "--free-running", "--check")
        solution = (ROOT / "solutions" / f"{scenario.stem}.sol").read_bytes()
        assert (done.returncode, done.stdout) == (0, solution), scenario.stem
