"""Real processes, whose events the master hears in any order: the judge finds every run of the sound store
valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayou.judging.main import check
from tests.processes import run_master

pytestmark = pytest.mark.processes

PUTS = [line for number in range(30) for line in (f"put 20 a u{number}", f"put 21 b v{number}")]
HANDED_ON = [*(f"joinServer {server}" for server in (9, 8, 7, 6, 5)), "retireServer 9", "joinClient 20 5"]
USED_AGAIN = [
    *(f"joinServer {server}" for server in (5, 6, 7)),
    *("joinClient 20 6", "joinClient 21 7", "put 20 a x", "put 21 b y", "retireServer 6", "joinServer 6"),
    *("restoreConnection 20 6", "put 20 a z", "retireServer 5", "retireServer 7", "joinServer 7"),
    "joinServer 5",
    *("restoreConnection 21 5", "put 21 b w", "get 21 a", "retireServer 6", "joinServer 6", "get 21 b"),
]  # fmt: skip
KILLED = [
    "joinServer 5",
    "joinServer 6",
    "joinServer 7",
    "joinClient 20 6",
    "joinClient 21 7",
    *PUTS[:20],
    "crashServer 6",
]


@pytest.mark.parametrize("pace", [(), ("--free-running",)], ids=["lock-step", "free-running"])
@pytest.mark.parametrize(
    "lines",
    [[*HANDED_ON, "joinClient 21 8", *PUTS], [*USED_AGAIN, "get 21 a"], [*KILLED, "put 21 b c", "get 21 b"]],
    ids=["the duty handed on", "ids used again", "killed"],
)
def test_runs_of_processes_are_valid(lines: list[str], pace: tuple[str, ...], tmp_path: Path) -> None:
    """Four times each, as each is heard in another order; and the trace says that nothing is missing."""
    trace = tmp_path / "trace.jsonl"
    for _ in range(4):
        ran = run_master("\n".join(lines), "--check", "--trace", str(trace), *pace)
        assert (ran.returncode, ran.stderr) == (0, b"")
        assert check([str(trace)]) == 0
        assert trace.read_text().splitlines()[-1] == '{"event":"ended"}'
