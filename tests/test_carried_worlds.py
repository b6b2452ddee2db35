"""exportWrites and importWrites in scenarios, in both worlds: spec of files as transport."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CARRIED = """
joinServer 0
joinServer 1
joinServer 2
joinClient 8 0
joinClient 9 2
breakConnection 2 0
breakConnection 2 1
put 8 a u1
put 9 b u2
exportWrites 0 carried
importWrites 2 carried
get 9 a
expect a:u1
printLog 2
exportWrites 2 back 0
importWrites 0 back
printLog 1
exportWrites 0 again 2
importWrites 2 again
importWrites 2 again
importWrites 2 carried
printLog 2
"""

SHOWN = """a:u1
PUT:(a, u1):TRUE
PUT:(b, u2):FALSE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
"""

TRUNCATED = """
joinServer 0
joinServer 1
joinClient 8 0
joinClient 9 1
breakConnection 0 1
put 8 a u1
put 8 b u2
delete 8 a
truncateLog 0
put 8 c u3
put 9 d u4
exportWrites 0 carried
importWrites 1 carried
get 9 a
get 9 b
printLog 1
restoreConnection 0 1
printLog 0
"""

SHOWN_TRUNCATED = """a:ERR_KEY
b:u2
PUT:(c, u3):TRUE
PUT:(d, u4):FALSE
PUT:(c, u3):TRUE
PUT:(d, u4):TRUE
"""

GAP = """
joinServer 0
joinServer 1
joinServer 2
joinClient 8 0
breakConnection 1 0
breakConnection 1 2
joinClient 7 2
put 8 a u1
exportWrites 0 first
put 7 b u2
breakConnection 2 0
put 8 c u3
exportWrites 0 late 2
importWrites 1 late
printLog 1
importWrites 1 nowhere
importWrites 1 first
importWrites 1 late
importWrites 1 .
exportWrites 0 no/folder
exportWrites 0 late 99
printLog 1
"""

ALONE = """
joinServer 0
joinServer 1
joinClient 8 1
breakConnection 0 1
put 8 a u1
exportWrites 1 carried
importWrites 0 carried
printLog 0
pause
put 8 b u2
exportWrites 1 carried 0
importWrites 0 carried
printLog 0
start
printLog 0
"""

SHOWN_ALONE = """PUT:(a, u1):TRUE
PUT:(a, u1):TRUE
PUT:(b, u2):FALSE
PUT:(a, u1):TRUE
PUT:(b, u2):TRUE
"""
"""A primary alone commits what a file brings it, as it does what an exchange brings: not while paused."""


def run(world: str, text: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a scenario from a file, beside which its own files lie."""
    scenario = folder / "scenario.test"
    scenario.write_text(text)
    command = [sys.executable, "-m", "bayou.master", "--world", world, *options, str(scenario)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("world", ["sim", "processes"])
@pytest.mark.parametrize(
    ("text", "shown"), [(CARRIED, SHOWN), (TRUNCATED, SHOWN_TRUNCATED), (ALONE, SHOWN_ALONE)]
)
def test_files_carry_writes_in_both_worlds(world: str, text: str, shown: str, tmp_path: Path) -> None:
    ran = run(world, text, tmp_path)
    assert (ran.stdout, ran.stderr, ran.returncode) == (shown, "", 0)
    assert (tmp_path / "carried").exists()


@pytest.mark.parametrize("world", ["sim", "processes"])
def test_a_gap_is_a_line_that_is_off(world: str, tmp_path: Path) -> None:
    """Server 2 had a write of its own when it was last heard of, which its file leaves out."""
    ran = run(world, GAP, tmp_path)
    lines = ran.stderr.splitlines()
    assert "something is missing between this server, at CSN 2," in lines[0]
    assert "nowhere can't be read" in lines[1]
    assert any("is a directory" in line.lower() for line in lines)
    assert any("no/folder can't be written" in line for line in lines)
    assert "99 is no server that has joined" in lines[-1]
    assert ran.returncode == 0
    assert ran.stdout == "PUT:(a, u1):TRUE\n"


def test_files_of_another_run_are_refused(tmp_path: Path) -> None:
    run("sim", "joinServer 0\nexportWrites 0 kept\n", tmp_path)
    ran = run("sim", "joinServer 0\nimportWrites 0 kept\n", tmp_path)
    assert "comes from a cluster with another secret" in ran.stderr
