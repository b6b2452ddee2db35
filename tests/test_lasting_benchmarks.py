"""The benchmarks of servers that last go on working: little of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.lasting import Amount, caught_up, embedded, late, pulled, puts_and_reads, restarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.table import Row

pytestmark = pytest.mark.processes

LITTLE = Amount(alone=5, crowd=130, rounds=1, pulled=500, rows=500, writes=2_000, local=20)


@pytest.mark.parametrize("measure", [puts_and_reads, embedded, pulled, caught_up, restarted, late])
def test_it_gives_figures(measure: Callable[[Path, Amount], list[Row]], tmp_path: Path) -> None:
    rows = measure(tmp_path, LITTLE)
    assert rows
    assert all(row.gave[0].isdigit() and not row.gave.startswith("0 ") for row in rows)
