"""The examples on the pages for those who program with the store run, and print what stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@pytest.mark.processes
@pytest.mark.parametrize("page", ["library.md"])
def test_what_a_page_shows_is_what_happens(page: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((DOCS / page).read_text())
    programs = [text for kind, text in blocks if kind == "python"]
    expected = "".join(text for kind, text in blocks if kind == "text")
    assert len(programs) > 3
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(programs)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    pattern = re.escape(expected).replace(re.escape("..."), "[0-9]+")
    assert re.fullmatch(pattern, run.stdout), f"{run.stdout}\n--- where the page has\n{expected}"
