"""The course: every lesson checks itself, in both worlds, and its page quotes it as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.processes import run_master

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "examples").glob("[0-9][0-9]-*.test"))


def options_of(lesson: Path) -> list[str]:
    """Return the options that the second line of a lesson asks for."""
    second = lesson.read_text(encoding="utf-8").splitlines()[1]
    return second.removeprefix("# options:").split() if second.startswith("# options:") else []


def test_there_is_a_course() -> None:
    assert len(LESSONS) >= 12
    contents = (ROOT / "docs" / "course" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"\]\(([0-9]{2}-[a-z0-9-]+)\.md\)", contents)
    assert list(dict.fromkeys(listed)) == [lesson.stem for lesson in LESSONS], "each lesson, in order"


@pytest.mark.processes
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_checks_itself(lesson: Path) -> None:
    """Each line that it prints is expected."""
    printed = []
    for world in ("processes", "sim"):
        done = run_master("", str(lesson), "--strict", "--world", world, *options_of(lesson))
        assert (done.returncode, done.stderr) == (0, b"")
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    assert "\nexpect " in lesson.read_text(encoding="utf-8")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_its_page_quotes_it_as_it_is(lesson: Path) -> None:
    page = (ROOT / "docs" / "course" / f"{lesson.stem}.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^```scenario\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert lesson.read_text(encoding="utf-8") in quoted
