"""A campaign that is interrupted ends in order: it tells what it has, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

COMMAND = [sys.executable, "-m", "bayou", "explore", "--seeds", "1000000", "-j", "2"]


def children(pid: int) -> list[int]:
    """Return the processes whose parent this one is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def begun() -> tuple[subprocess.Popen[str], list[int]]:
    """Start a campaign and wait until its processes are at work."""
    process = subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 30
    while len(workers := children(process.pid)) < 2:
        assert time.monotonic() < until, "it never began"
        assert process.poll() is None
    return process, workers


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 20
    while any(map(is_running, pids)):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("to_group", [True, False])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_it_tells_what_it_has(number: int, status: int, to_group: bool) -> None:
    """Whether it comes to the whole group, as from a terminal, or to the command alone."""
    process, workers = begun()
    (os.killpg if to_group else os.kill)(process.pid, number)
    told, said = process.communicate(timeout=30)
    assert process.returncode == status, said
    assert re.match(r"[\d,]+ runs, [\d,]+ messages, 0 failed\n", told)
    assert re.fullmatch(r"interrupted: [\d,]+ of 1,000,000 seeds not run\n", said)
    assert gone(workers)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_its_processes_end_with_it_however_it_ends() -> None:
    process, workers = begun()
    process.kill()
    process.communicate(timeout=30)
    assert gone(workers)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_process_of_a_campaign_that_is_killed_is_told() -> None:
    process, workers = begun()
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said == "bayou explore: a process of this campaign was killed\n"
    assert gone(workers)
