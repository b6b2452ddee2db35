"""The pages of the example programs: each command on them prints what stands below it, in the order of the
page, and the code that they show is that of the programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.laptops import PROGRAMS, machines
from tests.test_docs import ROOT, blocks

DOCS = ROOT / "docs" / "examples"
PAGES = ("rooms", "bibliography", "stock", "todo")
PROMPT = re.compile(r"^(\w+)\$ (.*)$")

pytestmark = pytest.mark.processes


def test_every_program_has_its_page_and_the_pages_are_listed() -> None:
    programs = sorted(path.stem for path in PROGRAMS.glob("*.py") if path.stem != "common")
    assert programs == sorted(PAGES)
    listed = re.findall(r"\]\(([a-z-]+)\.md\)", (DOCS / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.stem for path in DOCS.glob("*.md") if path.stem != "README")


@pytest.mark.parametrize("page", PAGES)
def test_each_command_prints_what_stands_below_it(page: str, tmp_path: Path) -> None:
    expected = "".join(blocks(DOCS / f"{page}.md", "console"))
    printed = ""
    with machines(tmp_path, "7474", "7475") as here:
        for line in expected.splitlines():
            turn = PROMPT.match(line)
            if turn:
                printed += f"{line}\n" + here.turn(turn[1], turn[2])
    assert printed == expected


@pytest.mark.parametrize("page", [*PAGES, "shared-list"])
def test_the_code_on_the_page_is_that_of_the_program(page: str) -> None:
    quoted = blocks(DOCS / f"{page}.md", "python")
    program = PROGRAMS / f"{page}.py" if page in PAGES else ROOT / "examples" / "shared_list" / "the_list.py"
    source = program.read_text(encoding="utf-8")
    assert quoted
    for block in quoted:
        assert block in source


def test_each_program_says_how_it_is_used() -> None:
    """What the page of all of them says of commands and exit statuses is what `--help` says."""
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    commons = re.findall(r"^\| `(.*)` \|", text, re.MULTILINE)
    names = [each.split()[0] for line in commons for each in line.split("`, `")]
    assert names == ["new", "join", "sync", "mine", "problems", "dismiss"]
