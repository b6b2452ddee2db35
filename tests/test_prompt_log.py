"""The prompt with chat and locks: how they stand, commands that are given up, servers that are lost."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import wait_until
from tests.terminal import Terminal

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "state")
    yield made
    made.child.close(force=True)


@pytest.fixture
def free(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "state", "--free-running")
    yield made
    made.child.close(force=True)


def status(terminal: Terminal) -> list[str]:
    return terminal.say("status").splitlines()[1:]


def test_status_tells_who_leads_what_is_decided_and_who_waits(terminal: Terminal) -> None:
    terminal.say("start 3 2", "sendMessage 0 a", "crashServer 0", "sendMessage 1 b")
    assert status(terminal) == [
        "running in lock-step",
        "server 0: crashed",
        "server 1, the leader: knows slots 0 to 1 decided",
        "server 2: knows slots 0 to 1 decided",
        "client 0: knows slots 0 to 1 decided, 1 of its own delivered, 0 not yet",
        "client 1: knows slots 0 to 1 decided, 1 of its own delivered, 0 not yet",
    ]
    terminal.say("crashServer 2", "sendMessage 1 c")
    shown = status(terminal)
    assert shown[1] == "no majority: 1 of 3 servers live"
    assert shown[-1] == "client 1: knows slots 0 to 1 decided, 1 of its own delivered, 1 not yet"
    assert terminal.end() == 0


def test_a_message_that_is_given_up_is_delivered_once_all_the_same(terminal: Terminal) -> None:
    """Two of three servers hang: no majority, though all are alive. The run goes on, and so do they."""
    terminal.say("start 3 2", "sendMessage 0 a")
    stopped = [terminal.stop("bayou server 1"), terminal.stop("bayou server 2")]
    terminal.give_up("sendMessage 1 b")
    assert "server 1: does not respond" in status(terminal)
    for pid in stopped:
        terminal.go_on(pid)
    terminal.say("sendMessage 0 c")
    for client in (0, 1):
        assert terminal.say(f"printChatLog {client}").splitlines()[1:] == ["0 0: a", "1 1: b", "2 0: c"]
    assert terminal.end() == 0


def test_a_server_that_is_killed_by_hand_is_crashed_and_can_be_restarted(terminal: Terminal) -> None:
    terminal.say("startLocks 3 2", "lock 0 8", "lock 1 8")
    os.kill(terminal.pid_of("bayou server 0"), signal.SIGKILL)
    wait_until(lambda: "server 0: crashed" in status(terminal))
    assert terminal.say("unlock 0 8").splitlines()[1:] == []
    assert "server 1, the leader: knows slots 0 to 2 decided" in status(terminal)
    terminal.say("restartServer 0")
    assert "server 0: knows slots 0 to 2 decided" in status(terminal)
    assert terminal.say("printLocks").splitlines()[1:] == ["8: 1"]
    assert terminal.end() == 0


def test_a_wait_for_rest_is_given_up_and_had_again(free: Terminal) -> None:
    free.say("start 3 1", "sendMessage 0 a", "allClear")
    stopped = [free.stop("bayou server 1"), free.stop("bayou server 2")]
    free.say("sendMessage 0 b")
    free.give_up("allClear")
    for pid in stopped:
        free.go_on(pid)
    free.say("allClear")
    assert free.say("printChatLog 0").splitlines()[1:] == ["0 0: a", "1 0: b"]
    assert status(free)[0] == "running free-running"
    assert free.end() == 0


def test_a_remark_on_a_command_given_up_is_made_once(terminal: Terminal) -> None:
    terminal.say("startLocks 3 1")
    stopped = [terminal.stop("bayou server 1"), terminal.stop("bayou server 2")]
    terminal.give_up("unlock 0 5")
    for pid in stopped:
        terminal.go_on(pid)
    shown = ""

    def hear() -> bool:
        nonlocal shown
        shown += terminal.say("allClear")
        return "unlock 5: client 0 does not hold it" in shown

    wait_until(hear)
    shown += terminal.say("allClear")
    assert shown.count("does not hold it") == 1
    assert terminal.end() == 0
