"""A server that lives long: file and memory level off. The whole is `python -m benchmarks year`."""

from __future__ import annotations

from pathlib import Path

from bayou.node.settings import Keep
from benchmarks.year import live

ROWS = 300
KEPT = 2_000


def test_the_file_and_the_memory_level_off(tmp_path: Path) -> None:
    keep = Keep(writes=KEPT, marks=20, fold_writes=500)
    samples = live(str(tmp_path / "year.bayou"), 40_000, ROWS, keep, samples=8)
    assert [sample.writes for sample in samples] == list(range(5_000, 40_001, 5_000))
    later = samples[2:]
    for sample in later:
        assert KEPT <= sample.log_entries <= KEPT + 1_500
        assert 0.9 * ROWS <= sample.rows <= ROWS
    assert max(sample.file_bytes for sample in later) <= 1.1 * min(sample.file_bytes for sample in later)
    assert max(sample.memory_kib for sample in later) <= min(sample.memory_kib for sample in later) + 1024


def test_without_truncation_the_file_grows(tmp_path: Path) -> None:
    """So that the other test can fail."""
    samples = live(str(tmp_path / "year.bayou"), 20_000, ROWS, Keep(writes=None), samples=4)
    assert samples[-1].file_bytes > 1.5 * samples[1].file_bytes
    assert samples[-1].log_entries == 20_001
