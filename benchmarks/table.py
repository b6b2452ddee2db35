"""Rows of figures, and small helpers to get them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, what it gave, what is asked for and what is hoped for."""

    what: str
    gave: str
    asked: str = ""
    goal: str = ""


def print_table(rows: list[Row]) -> None:
    """Print rows as a Markdown table, so that it can be pasted into a page."""
    cells = [("what", "gave", "asked", "goal"), *((row.what, row.gave, row.asked, row.goal) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(4)]
    cells.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
    for line in cells:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds the work took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(count: int, *works: Callable[[], object]) -> list[list[float]]:
    """Run the works in turn, ``count`` times after a warm-up; return the seconds that each took."""
    for work in works:
        work()
    rounds = [[timed(work) for work in works] for _ in range(count)]
    return [list(column) for column in zip(*rounds, strict=True)]


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios pair by pair."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))
