"""The sample family (tests/ring): in both worlds, traced, judged, explored, and known to nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from bayou.explore.campaign import Campaign, Plan, cut_down, run_batch
from bayou.explore.exhaustive import walk
from bayou.explore.main import main as explore
from bayou.explore.trial import Trial
from bayou.families import FAMILIES, add
from bayou.families.planting import planted
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import Gone, NodeLost, WorldSettings
from tests.processes import run_master
from tests.ring.exploring import BUGS

ROOT = Path(__file__).parent.parent
ROUND = (
    "startRing 3\npass 4\nprintCounter\nexpect 1: 4\ncrashServer 1\nprintCounter\nexpect\nrestartServer 1\n"
    "pass 1\nprintCounter\ncrashServer 0\npass 2\nprintCounter\nrestartServer 0\npass 1\nprintCounter\n"
)
PATIENT = 1000
PUT = "put is a command of the family store, and the first command here was one of the family ring"
PRINTED = b"1: 4\n2: 5\n2: 7\n0: 8\n"


@pytest.fixture(autouse=True)
def _added() -> Iterator[None]:
    add("tests.ring")
    yield
    del FAMILIES["ring"]


@pytest.mark.processes
@pytest.mark.parametrize("world", ["processes", "sim"])
def test_both_worlds_print_the_same(world: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    options = ("--family", "tests.ring", "--world", world, "--strict", "--check", "--trace", str(trace))
    done = run_master(ROUND, *options)
    assert (done.stdout, done.stderr, done.returncode) == (PRINTED, b"", 0)
    judged = _bayou("check", "--family", "tests.ring", str(trace))
    assert judged.returncode == 0
    assert judged.stdout.splitlines()[-1] == "valid"
    assert "one place" in judged.stdout


def _bayou(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bayou", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_a_run_can_be_had_again(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    run_master(ROUND, "--family", "tests.ring", "--world", "sim", "--trace", str(trace))
    again = _bayou("replay", "--family", "tests.ring", str(trace))
    assert again.stdout.endswith("the same again\n")


def test_what_is_off_is_told() -> None:
    lines = ("startRing 0", "pass 1", "startRing 1", "startRing 3", "startRing 3", "pass -1", "crashServer 7")
    text = "\n".join([*lines, "put 9 a b", "lossRate 5", ""])
    done = run_master(text, "--family", "tests.ring", "--world", "sim")
    assert done.returncode == 0
    assert [line.split(": ", 2)[2] for line in done.stderr.decode().splitlines()] == [
        "a ring has 2 to 50 servers; skipped",
        "nobody who is up has the counter; skipped",
        "a ring has 2 to 50 servers; skipped",
        "there is a ring already; skipped",
        "'-1' is no number from 0 to 1000; skipped",
        "there is no server 7 in this ring of 3; skipped",
        f"{PUT}; skipped",
        "in lock-step every message has to arrive: it needs --free-running; skipped",
    ]


def test_random_rings_hold() -> None:
    """Crashes in the middle of a passing on, restarts, and losses of half of all messages."""
    batch = run_batch(Plan(0, 6, package="tests.ring"), 0, 6)
    assert batch.findings == ()
    assert all(batch.sightings[sight] for sight in FAMILIES["ring"].part("exploring").SIGHTINGS)


@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found_and_cut_down(bug: str) -> None:
    plan = Plan(0, 100, bug=bug, package="tests.ring")
    (finding,) = run_batch(plan, 0, 100).findings
    assert len(cut_down(finding, plan).lines) <= 8


def test_every_order_of_a_small_ring_holds() -> None:
    """A counter that is passed on twice, and a crash at every moment of that: and a bug shows."""
    lines = ["startRing 3", "pass 1", "crashServer 1", "restartServer 1", "pass 1"]
    walked = walk(lines)
    assert (walked.states, walked.ends, walked.complete, walked.problem) == (31, 2, True, None)
    with planted("a ring that forgets what it gave away"):
        assert (
            walk(
                ["startRing 3", "pass 1", "crashServer 0", "restartServer 0", "crashServer 1", "pass 1"]
            ).problem
            is not None
        )


def test_the_command_line_explores_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(["--family", "tests.ring", "--seeds", "5", "-j", "1"]) == 0
    assert capsys.readouterr().out.startswith("5 runs, ")


def test_a_server_that_is_lost_is_forgotten() -> None:
    """As a prompt does where a process was killed: then it can be restarted."""
    said: list[str] = []
    printed: list[bytes] = []
    world = ProcessWorld(WorldSettings(deadline_s=20.0))
    try:
        run = Run(world, COMMANDS, RunSettings("run"), write=printed.append, complain=said.append)
        run.line(1, b"startRing 3")
        os.kill(world.pids[1], signal.SIGKILL)
        with pytest.raises(NodeLost, match="server 1 has ended by itself"):
            _say_until_it_fails(run, b"pass 1")
        assert run.system is not None
        run.system.lose(1)
        with pytest.raises(Gone):
            world.crash(1)
        said.clear()
        for line in (b"crashServer 1", b"restartServer 1", b"allRest", b"printCounter"):
            run.line(3, line)
        assert said == ["run:3: crashServer 1: server 1 is not up; skipped"]
        assert len(printed) == 1
    finally:
        world.close()


def _say_until_it_fails(run: Run, line: bytes) -> None:
    for _ in range(PATIENT):
        run.line(2, line)


def test_workers_that_inherit_nothing_find_the_family_and_its_bugs() -> None:
    bug = "a ring that forgets what it gave away"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        batch = Campaign(Plan(0, 25, bug=bug, package="tests.ring")).run(executor=pool)
    assert batch.findings


def test_a_file_of_nothing_but_an_include_is_of_the_family_that_was_added(tmp_path: Path) -> None:
    (tmp_path / "ring.inc").write_text("startRing 3\npass 4\n")
    trial = Trial([f"include {tmp_path}/ring.inc"], FAMILIES["ring"].part("exploring").setup_for(1))
    assert trial.exploring is FAMILIES["ring"].part("exploring")
    assert trial.run().problem is None


def test_nobody_else_knows_it() -> None:
    """The product has no line about it: what it needs is in its own room, and named on the command line."""
    for path in (ROOT / "bayou").rglob("*.py"):
        text = path.read_text()
        assert "tests.ring" not in text
        assert "startRing" not in text
