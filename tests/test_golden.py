"""Every scenario prints what its solution says, the same bytes in both worlds, whatever the hash seed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from bayou.families.store.commands import COMMANDS
from bayou.node.settings import Habits
from bayou.tester.compare import lines_of
from bayou.tester.config import read_config
from tests.generator import scenario
from tests.processes import run_master
from tests.simulated import simulate
from tests.twin import Twin

HERE = Path(__file__).parent
SCENARIOS = sorted(path.stem for path in HERE.glob("*.test"))
FREE = "--free-running"
FUNCTIONS = ["--functions", "tests/write_functions.py"]
"""Relative to the directory of the project, where all tests are run."""

FAULTS = ("partition", "heal", "crashServer", "loss", "duplicate", "reorder", "delay")
RANDOM_SIMULATED = int(os.environ.get("BAYOU_TEST_SCENARIOS", "80"))
RANDOM_PROCESSES = 25


def test_there_are_scenarios_and_each_says_what_it_shows() -> None:
    assert len(SCENARIOS) >= 24
    for name in SCENARIOS:
        first = (HERE / f"{name}.test").read_bytes().split(b"\n")[0]
        assert first.startswith(b"# "), f"{name} does not begin with a comment"


def arguments_of(name: str) -> list[str]:
    """Return what the scenario's ``.config`` adds to the command: functions, ``--free-running``, nothing."""
    arguments = shlex.split(read_config(HERE / f"{name}.config").args)
    assert arguments in ([], [FREE], FUNCTIONS, [*FUNCTIONS, FREE]), (
        f"{name}.config: the tests know no {arguments}"
    )
    return arguments


def test_every_fault_that_both_worlds_know_is_in_a_scenario() -> None:
    """In lock-step, where it is allowed there, and free-running."""
    used: dict[bool, dict[str, None]] = {False: {}, True: {}}
    for name in SCENARIOS:
        lines = (HERE / f"{name}.test").read_bytes().decode("utf-8", "replace").splitlines()
        used[FREE in arguments_of(name)] |= {line.split()[0]: None for line in lines if line.split()}
    assert all(fault in COMMANDS for fault in FAULTS)
    assert [fault for fault in FAULTS if fault not in used[True]] == []
    assert [fault for fault in FAULTS if fault not in used[False]] == ["loss", "reorder"]


@pytest.mark.processes
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    """The solution, real processes and the simulation agree to the byte."""
    text = (HERE / f"{name}.test").read_bytes()
    expected = (HERE.parent / "solutions" / f"{name}.sol").read_bytes()
    arguments = arguments_of(name)
    done = run_master(text, *arguments)
    assert done.returncode == 0
    functions = FUNCTIONS[1] if FUNCTIONS[1] in arguments else ""
    simulated = simulate(text, habits=Habits() if FREE in arguments else None, functions=functions)
    assert done.stdout == simulated.out
    assert lines_of(done.stdout) == lines_of(expected)


@pytest.mark.processes
@pytest.mark.parametrize(
    "name", ["retire-ambiguous-retired", "partition-without-primary", "fault-crash-free-running"]
)
def test_the_same_bytes_under_many_hash_seeds(name: str) -> None:
    text = (HERE / f"{name}.test").read_bytes()
    arguments = arguments_of(name)
    for world in ("processes", "sim"):
        runs = [run_master(text, "--world", world, *arguments, PYTHONHASHSEED=str(seed)) for seed in range(8)]
        assert {(run.returncode, run.stdout, run.stderr) for run in runs} == {(0, runs[0].stdout, b"")}


@pytest.mark.processes
def test_a_simulated_run_tells_the_same_whatever_the_hash_seed() -> None:
    """Every exchange in the same order, that is."""
    text = "\n".join(scenario(11, 80)).encode()
    runs = [run_master(text, "--world", "sim", "--verbose", PYTHONHASHSEED=str(seed)) for seed in range(5)]
    assert len({(run.stdout, run.stderr) for run in runs}) == 1
    assert b"exchange" in runs[0].stderr


def test_random_scenarios_simulated_against_the_twin() -> None:
    """Line by line: what each command prints is what the slow sequential twin says."""
    refused = retirements = tentative = 0
    for seed in range(RANDOM_SIMULATED):
        lines = scenario(seed)
        twin = Twin()
        expected = [twin.line(line) for line in lines]
        done = simulate("\n".join(lines).encode(), check=True)
        for number, (line, got, want) in enumerate(zip(lines, done.by_line, expected, strict=True), start=1):
            assert got == want, f"seed {seed}, line {number}: {line!r}\n" + "\n".join(lines[:number])
        text = "".join(line for want in expected for line in want)
        refused += "ERR_DEP" in text
        tentative += "FALSE" in text
        retirements += any(line.startswith("retireServer") for line in lines)
    # Scenarios in which nothing happens prove nothing.
    assert refused > RANDOM_SIMULATED / 20
    assert tentative > RANDOM_SIMULATED / 20
    assert retirements > RANDOM_SIMULATED / 5


@pytest.mark.processes
def test_random_scenarios_in_processes_against_the_twin() -> None:
    for seed in range(RANDOM_PROCESSES):
        lines = scenario(seed)
        twin = Twin()
        expected = "".join(f"{printed}\n" for line in lines for printed in twin.line(line))
        done = run_master("\n".join(lines))
        assert done.stdout.decode() == expected, f"seed {seed}\n" + "\n".join(lines)
        assert done.returncode == 0
        assert all(line.startswith("<stdin>:") for line in done.stderr.decode().splitlines())
        assert len(done.stderr.decode().splitlines()) >= twin.errors


@pytest.mark.parametrize("chosen", ["none", "RYW", "MR", "WFR", "MW", "RYW,MR", "WFR,MW", "MR,WFR"])
def test_each_guarantee_alone_against_the_twin(chosen: str) -> None:
    """Terry '94: each of the four can be asked for by itself."""
    guarantees = frozenset() if chosen == "none" else frozenset(chosen.split(","))
    for seed in range(RANDOM_SIMULATED // 20):
        lines = scenario(10_000 + seed)
        twin = Twin(guarantees)
        expected = [twin.line(line) for line in lines]
        assert simulate("\n".join(lines).encode(), guarantees=chosen).by_line == expected, (
            f"seed {10_000 + seed}"
        )
