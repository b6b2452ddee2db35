"""Judging a history of anybody's: the whole command."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.table import Row, timed
from tests.linear_histories import Made, lines_of

OPERATIONS = 1_000
CLIENTS = 10
KINDS = (
    ("values of 0 to 4", 5, 0.0),
    ("values of 0 to 999", 1_000, 0.0),
    ("values of 0 to 999, one outcome in forty unknown", 1_000, 0.05),
)


def histories(*, quick: bool) -> list[Row]:
    """``bayou check --model register`` on histories of ten clients that always have something under way, and
    on the same with the first value of all read late."""
    times = 3 if quick else 9
    rows = []
    for what, values, lost in KINDS:
        events = Made(random.Random(1), "register", list(range(values)), lost=lost).make(OPERATIONS, CLIENTS)
        good = lines_of(events)
        reads = [
            event
            for event in events[len(events) * 3 // 4 :]
            if event["f"] == "read" and event["type"] == "ok" and event["value"] is not None
        ]
        for read in reads[:5]:
            read["value"] = None  # as it was before the first write
        bad = lines_of(events)
        for which, lines in (("right", good), ("a stale value", bad)):
            seconds, word = _check(lines, times)
            gave = f"{seconds:.2f} s ({word})"
            rows.append(Row(f"judging {OPERATIONS:,} operations, {what}, {which}", gave, "at most 1 s"))
    return rows


def _check(lines: list[bytes], times: int) -> tuple[float, str]:
    """Return how long the command takes, the median of so many times, and its verdict."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.jsonl"
        file.write_bytes(b"".join(lines))
        words: list[str] = []

        def work() -> None:
            command = [sys.executable, "-m", "bayou", "check", "--model", "register", str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            words.append(done.stdout.splitlines()[-1])

        return median(timed(work) for _ in range(times)), words[0]
