"""The documentation holds: its examples run, its links lead somewhere, its tables are complete."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bayou.families.overview import owned_commands
from bayou.master.helping import PROMPT_COMMANDS
from bayou.master.language import COMMANDS
from bayou.master.reference import reference
from bayou.master.run import Run
from bayou.node.settings import Habits
from bayou.worlds.simulated import SimulatedWorld
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
    (scenario,) = blocks(ROOT / "README.md", "text")
    (session,) = (block for block in blocks(ROOT / "README.md", "console") if "cut.test" in block)
    assert session.startswith("$ .venv/bin/bayou run cut.test\n")
    expected = session.split("\n", 1)[1]
    assert run_master(scenario).stdout.decode() == expected
    assert simulate(scenario.encode()).out.decode() == expected


@pytest.mark.processes
def test_the_command_lines_in_the_readme_print_what_they_should() -> None:
    commands = [block for block in blocks(ROOT / "README.md", "sh") if "COMMAND" in block]
    printed = [
        subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, check=True).stdout
        for command in commands
    ]
    assert printed == [b"a:b\nPUT:(a, b):TRUE\n", b"0 0: hello\n1 1: big world\n8: 0 waiting 1\n"]


def test_the_example_in_the_scenario_page() -> None:
    page = ROOT / "docs" / "scenarios.md"
    assert simulate(blocks(page, "text")[0].encode()).out.decode() == blocks(page, "output")[0]


@pytest.mark.processes
@pytest.mark.parametrize(("name", "least"), [("general-writes.md", 9), ("group.md", 2)])
def test_the_scenarios_of_pages(name: str, least: int) -> None:
    """In both worlds each prints what stands below it, and no line is off."""
    page = ROOT / "docs" / name
    scenarios, expected = blocks(page, "text"), blocks(page, "output")
    assert len(scenarios) == len(expected) >= least
    for scenario, output in zip(scenarios, expected, strict=True):
        done = simulate(scenario.encode(), check=True)
        assert (done.out.decode(), done.errors) == (output, [])
        assert run_master(scenario).stdout.decode() == output


def test_the_reference_page_is_what_the_registry_makes() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert text == reference(), "run: python3 -m bayou.master.reference > docs/reference.md"


def test_every_example_of_the_reference_can_be_carried_out() -> None:
    """In a scenario of each family that has the command."""
    for owners, command in owned_commands(COMMANDS):
        for family in owners or ("store",):
            lines = "" if command.name in ("include", "start", "startLocks") else USUAL[family]
            lines += {
                ("restartServer", "store"): "crashServer 2\n",
                ("importWrites", "store"): "exportWrites 0 /tmp/carried\n",
                ("resolve", "store"): "write 9 bob set rooms/A bob if present rooms/A\n",
                ("restartServer", "chat"): "crashServer 0\n",
                ("restartServer", "locks"): "crashServer 0\n",
                ("expireClient", "locks"): "crashClient 1\n",
            }.get((command.name, family), "")
            printed = {"chat": b"0 1: hello\n", "locks": b"8: 1\n"}.get(family, b"")
            done = simulate((lines + command.example).encode(), habits=Habits())
            assert done.errors == [], (command.name, family)
            if command.name in ("printChatLog", "printLocks"):
                assert done.out == printed


USUAL = {
    "store": "joinServer 0\njoinServer 1\njoinServer 2\njoinClient 9 0\n"
    "put 9 song http://example.org/song\nget 9 song\n",
    "chat": "start 3 2\nsendMessage 1 hello\nallClear\n",
    "locks": "startLocks 3 2\nlock 1 8\nallClear\n",
}
"""What goes before the example of a command, by family."""


TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_the_conversation_in_the_tutorial() -> None:
    """Each line after the prompt is carried out, and prints what stands below it."""
    session = "".join(block for block in blocks(TUTORIAL, "console") if "bayou> " in block)
    turns = [turn.split("\n", 1) for turn in session.split("bayou> ")[1:]]
    printed: list[bytes] = []
    world = SimulatedWorld()
    run = Run(world, {**COMMANDS, **PROMPT_COMMANDS}, write=printed.append)
    for number, (line, shown) in enumerate(turns, start=1):
        printed.clear()
        run.line(number, line.encode())
        assert b"".join(printed).decode() == shown, line


def test_the_scenario_in_the_tutorial_with_its_mistakes_and_without() -> None:
    (scenario,) = (block for block in blocks(TUTORIAL, "text") if block.startswith("# Two sides"))
    wrong, right = (
        block.split("\n", 1)[1]
        for block in blocks(TUTORIAL, "console")
        if block.startswith("$ bayou run tests/")
    )
    done = simulate(scenario.encode())
    told = [line.replace("<stdin>", "tests/two-sides.test") for line in done.errors]
    assert sorted([*done.out.decode().splitlines(), *told]) == sorted(wrong.splitlines())
    mended = scenario.replace("expect song:http://example.org/here", "expect song:http://example.org/there")
    done = simulate(mended.replace("strat", "start").encode())
    assert (done.out.decode(), done.errors) == (right, [])


@pytest.mark.processes
def test_keeping_a_scenario_as_the_tutorial_does(tmp_path: Path) -> None:
    (scenario,) = (block for block in blocks(TUTORIAL, "text") if block.startswith("# Two sides"))
    mended = scenario.replace("expect song:http://example.org/here", "expect song:http://example.org/there")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "two-sides.test").write_text(mended.replace("strat", "start"))
    session = next(block for block in blocks(TUTORIAL, "console") if block.startswith("$ bayou test\n"))
    shown = [turn.split("\n", 1) for turn in session.split("$ ")[1:]]
    for command, expected in shown:
        done = subprocess.run(
            [sys.executable, "-m", "bayou", *command.split()[1:]], cwd=tmp_path, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert re.sub(r"[0-9.]+ s\b", "_ s", done.stdout) == re.sub(r"[0-9.]+ s\b", "_ s", expected)


def test_the_failure_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from bayou.explore.main import main

    command, shown = blocks(ROOT / "docs" / "exploring.md", "console")[0].split("\n", 1)
    main([*shlex.split(command)[3:], "-j", "1"])
    told = capsys.readouterr().out
    assert told[: told.index("never seen")] == shown


def test_the_scenario_that_checks_itself() -> None:
    scenario = next(block for block in blocks(ROOT / "docs" / "scenarios.md", "text") if "expect" in block)
    assert simulate(scenario.encode()).errors == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for module in sorted((ROOT / "bayou").rglob("*.py")):
        if not module.name.startswith("_"):
            assert f"`{module.stem}`" in text or f"{module.stem}.py" in text, module


def test_the_glossary_is_in_order_and_says_where_things_are() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines() if row[:2] == "| "]
    words = [word.lower() for word, _, _ in rows[2:]]
    assert words == sorted(dict.fromkeys(words))
    for word, meaning, where in rows[2:]:
        assert re.fullmatch(r"[A-Z][^.]*\.", meaning), f"{word}: one sentence"
        places = re.findall(r"`([^`]+)`", where)
        assert places, word
        assert all((ROOT / "bayou" / place).exists() for place in places), word
