"""The page on locks is followed, command by command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands import bayou

PAGE = Path(__file__).parent.parent / "docs" / "locks.md"


@pytest.mark.processes
def test_what_stands_on_the_page_is_what_one_sees(tmp_path: Path) -> None:
    """Where two lines may come in either order, they may here too."""
    ran = 0
    for kind, name, block in re.findall(
        r"^```(text|console) ?(\S*)\n(.*?)^```", PAGE.read_text(), re.M | re.S
    ):
        if kind == "text":
            (tmp_path / name).write_text(block)
            continue
        command, *expected = block.splitlines()
        done = bayou(*shlex.split(command.removeprefix("$ bayou ")), cwd=tmp_path)
        assert sorted([*done.stdout.splitlines(), *done.stderr.splitlines()]) == sorted(expected), command
        ran += 1
    assert ran == 5
