"""The documentation holds: its examples run, its links lead somewhere, its tables are complete."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from bayou.master.reference import reference
from bayou.master.vocabulary import COMMANDS
from tests.processes import run_master
from tests.simulated import simulate

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page in that language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.processes
def test_the_scenario_in_the_readme_prints_what_it_says() -> None:
    scenario = blocks(ROOT / "README.md", "text")[0]
    session = blocks(ROOT / "README.md", "console")[0]
    assert session.startswith("$ .venv/bin/bayou run cut.test\n")
    expected = session.split("\n", 1)[1]
    assert run_master(scenario).stdout.decode() == expected
    assert simulate(scenario.encode()).out.decode() == expected


@pytest.mark.processes
def test_the_command_line_in_the_readme_prints_two_lines() -> None:
    commands = [block for block in blocks(ROOT / "README.md", "sh") if "COMMAND" in block]
    assert len(commands) == 1
    done = subprocess.run(["sh", "-c", commands[0]], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"a:b\nPUT:(a, b):TRUE\n"


def test_the_example_in_the_scenario_page() -> None:
    page = ROOT / "docs" / "scenarios.md"
    assert simulate(blocks(page, "text")[0].encode()).out.decode() == blocks(page, "output")[0]


def test_the_reference_page_is_what_the_registry_makes() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert text == reference(), "run: python3 -m bayou.master.reference > docs/reference.md"


def test_every_example_of_the_reference_can_be_carried_out() -> None:
    usual = "joinServer 0\njoinServer 1\njoinServer 2\njoinClient 9 0\n"
    usual += "put 9 song http://example.org/song\nget 9 song\n"
    for command in COMMANDS.values():
        lines = "" if command.name == "include" else usual
        assert simulate((lines + command.example).encode()).errors == [], command.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for module in sorted((ROOT / "bayou").rglob("*.py")):
        if not module.name.startswith("_"):
            assert f"`{module.stem}`" in text or f"{module.stem}.py" in text, module
