"""Scenarios whose servers are kept in files (`--data`): the same bytes, and files that are whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bayou.storage.replica.doctor import diagnose

ROOT = Path(__file__).parent
SCENARIOS = sorted(
    path
    for path in ROOT.glob("*.test")
    if not path.read_bytes().lstrip().startswith((b"start ", b"startLocks"))
    and not path.with_suffix(".config").exists()
)
SAMPLE = [
    path
    for at, path in enumerate(SCENARIOS)
    if at % 12 == 0 or "truncat" in path.stem or path.stem.startswith("group-")
]

pytestmark = pytest.mark.processes


def run(*arguments: str, text: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "bayou.master", *arguments]
    return subprocess.run(command, input=text, capture_output=True, timeout=60, check=False, cwd=ROOT)


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.stem)
def test_files_change_no_byte_of_a_scenario(path: Path, tmp_path: Path) -> None:
    solution = ROOT.parent / "solutions" / f"{path.stem}.sol"
    ran = run("--data", str(tmp_path / "kept"), text=path.read_bytes())
    assert ran.stdout == solution.read_bytes()
    for file in (tmp_path / "kept").glob("*.bayou"):
        assert not diagnose(str(file)).findings


def test_a_server_that_is_killed_comes_back_from_its_file(tmp_path: Path) -> None:
    lines = (
        b"joinServer 0\njoinServer 1\njoinClient 8 1\nput 8 a u1\ntruncateLog 1\nput 8 b u2\ncrashServer 1\n"
    )
    back = (
        b"restartServer 1\nrestoreConnection 8 1\nget 8 a\nget 8 b\nprintLog 1\nretireServer 0\nprintLog 1\n"
    )
    ran = run("--data", str(tmp_path / "kept"), text=lines + back)
    assert ran.stderr == b""
    log = b"PUT:(b, u2):TRUE\n"
    assert ran.stdout == b"a:u1\nb:u2\n" + log + log
    assert {path.name for path in (tmp_path / "kept").glob("*.retired")} == {"0.bayou.retired"}


def test_a_run_begins_with_empty_stores_of_processes_without_a_trace(tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    assert run("--data", kept, text=b"joinServer 0\n").returncode == 0
    again = run("--data", kept, text=b"joinServer 0\n")
    assert again.returncode == 1
    assert b"is there already: a run begins with empty stores" in again.stderr
    simulated = run("--world", "sim", "--data", str(tmp_path / "other"), text=b"joinServer 0\n")
    assert simulated.returncode == 1
    assert b"there are none here" in simulated.stderr
    traced = run("--check", "--data", str(tmp_path / "other"), text=b"joinServer 0\n")
    assert traced.returncode == 1
    assert b"is not traced" in traced.stderr
