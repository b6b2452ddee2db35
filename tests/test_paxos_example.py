"""The example of a register runs, in processes of its own that are killed and started again."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import wait_until

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "paxos_register.py"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a node, with a state file of its own; all are killed in the end."""
    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(6)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = ",".join(str(holder.getsockname()[1]) for holder in holders)
    for holder in holders:
        holder.close()
    started = []

    def run(id: int, *value: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLE), str(id), str(tmp_path / f"state-{id}"), ports, *value],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


@pytest.mark.processes
def test_a_register_keeps_its_value_through_crashes(start: Start, tmp_path: Path) -> None:
    """Red is accepted by 0 and 1. 0 is killed and comes back, 1 is killed, 2 comes for the first time: that 0
    remembers is all that keeps blue from being chosen."""
    acceptors = [start(0), start(1)]
    assert start(3, "red").communicate(timeout=30)[0] == "red\n"
    for acceptor in acceptors:
        kill(acceptor)
    start(0)
    start(2)
    assert start(4, "blue").communicate(timeout=30)[0] == "red\n"


@pytest.mark.processes
def test_a_proposer_that_is_killed_uses_no_ballot_again(start: Start, tmp_path: Path) -> None:
    """It waits for a second acceptor, after it has made durable which ballot it uses."""
    start(0)
    proposer = start(3, "red")
    wait_until(lambda: (tmp_path / "state-3").exists() and (tmp_path / "state-0").exists())
    kill(proposer)
    start(1)
    assert start(3, "green").communicate(timeout=30)[0] == "green\n"


@pytest.mark.processes
def test_two_proposers_at_once_print_the_same(start: Start) -> None:
    for id in range(3):
        start(id)
    both = [start(3, "red"), start(4, "blue")]
    printed = {process.communicate(timeout=60)[0] for process in both}
    assert printed in ({"red\n"}, {"blue\n"})


def test_it_takes_some_thirty_lines() -> None:
    """Statements but for imports and the docstring."""
    tree = ast.parse(EXAMPLE.read_text())
    body = [node for node in tree.body[1:] if not isinstance(node, (ast.Import, ast.ImportFrom))]
    lines = {line for node in body for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    assert len(lines) <= 30
