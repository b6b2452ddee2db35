"""Scenarios in sub-folders of ``tests``."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.test_tester_answers import run_pytest
from tests.tester_project import Project

HERE = Path(__file__).parent


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A directory with tests at three depths, whose command prints the scenario that it is fed."""
    project = Project(tmp_path, "exec cat")
    for name in ("top", "joins/first", "joins/deep/last", "retire/first"):
        project.test(name, f"{name}\n", f"{name}\n")
    return project


def names(out: str) -> list[str]:
    return [line.split()[3].rstrip(":") for line in out.splitlines() if line.startswith(("pass ", "FAIL  "))]


def test_they_are_found_with_their_solutions_and_answers(project: Project) -> None:
    done = project.run("--junit", "out.xml")
    assert done.returncode == 0, done.stdout
    assert names(done.stdout) == ["joins/deep/last", "joins/first", "retire/first", "top"]
    assert project.answer("joins/deep/last") == "joins/deep/last\n"
    suite = ElementTree.parse(project.path / "out.xml").getroot()
    assert {case.get("name") for case in suite} == set(names(done.stdout))


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["joins/first"], ["joins/first"]),
        (["joins/*"], ["joins/deep/last", "joins/first"]),
        (["*first"], ["joins/first", "retire/first"]),
        (["*/first", "top"], ["joins/first", "retire/first", "top"]),
        (["t*"], ["top"]),
        (["joins"], ["joins/deep/last", "joins/first"]),
        (["joins/"], ["joins/deep/last", "joins/first"]),
        (["tests/joins/first.test"], ["joins/first"]),
        (["./tests/joins/deep/"], ["joins/deep/last"]),
        (["{here}/tests/retire/first.test"], ["retire/first"]),
        (["tests"], ["joins/deep/last", "joins/first", "retire/first", "top"]),
    ],
)
def test_names_and_patterns(project: Project, patterns: list[str], found: list[str]) -> None:
    done = project.run(*(pattern.format(here=project.path) for pattern in patterns))
    assert (done.returncode, names(done.stdout)) == (0, found)


def test_a_name_without_its_folder_is_met_with_a_suggestion(project: Project) -> None:
    """It is not run: a blessing of `first` must not change two solutions."""
    done = project.run("first")
    assert done.returncode == 2
    assert "no test is called 'first': did you mean joins/first, retire/first?" in done.stderr


def test_a_name_with_the_signs_of_a_pattern_is_a_name_first(project: Project) -> None:
    project.test("odd/a[1]", "x", "x")
    project.test("odd/a1", "x", "x")
    assert names(project.run("odd/a[1]").stdout) == ["odd/a[1]"]


def test_each_gets_messages_with_its_whole_name(project: Project) -> None:
    project.test("joins/first", "new\n", "old\n")
    project.test("joins/other", "new\n", None)
    out = project.run().stdout
    assert "    --- solutions/joins/first.sol\n    +++ answers/joins/first.ans\n" in out
    assert "there is no solutions/joins/other.sol to compare with; it printed answers/joins/other.ans" in out
    assert "if that is right: tester.py --bless joins/other" in out
    assert names(project.run("--failed").stdout) == ["joins/first", "joins/other"]
    assert project.run("--bless", "joins/*").returncode == 0
    assert project.solution("joins/first") == project.solution("joins/other") == "new\n"


def test_a_new_one_is_blessed_into_its_folder(project: Project) -> None:
    project.test("new/deep/one", "x\n", None)
    project.run()
    done = project.run("--bless", "new/deep/one")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "solutions/new/deep/one.sol: written")
    assert project.run().returncode == 0


def test_their_configurations(project: Project) -> None:
    project.config("joins/first", "group = joins\n")
    project.config("joins/deep/last", "group = joins\nwight = 2\n")
    out = project.run().stdout
    assert "joins/deep/last: tests/joins/deep/last.config:2: wight = 2: there is no 'wight'" in out
    assert "joins       1 of 2 passed" in out


def test_orphans_are_noticed(project: Project) -> None:
    for name in ("solutions/joins/stray.sol", "solutions/gone/stray.sol", "tests/joins/stray.config"):
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text("")
    done = project.run()
    assert done.returncode == 1
    for file, test in (
        ("solutions/joins/stray.sol", "tests/joins/stray.test"),
        ("solutions/gone/stray.sol", "tests/gone/stray.test"),
        ("tests/joins/stray.config", "tests/joins/stray.test"),
    ):
        assert f"{file} belongs to no test: {test} is missing" in done.stdout


def test_folders_of_other_things_are_left_alone(project: Project) -> None:
    """Pieces to be included, Python files, hidden folders, and what is hidden."""
    for name in (
        "pieces/three-servers.scenario",
        "pieces/README.md",
        "unit/test_it.py",
        ".cache/copy.test",
        ".x.test",
    ):
        (project.path / "tests" / name).parent.mkdir(exist_ok=True)
        (project.path / "tests" / name).write_text("")
    assert len(names(project.run().stdout)) == 4


def test_links_are_followed_but_not_in_circles(project: Project) -> None:
    (project.path / "tests" / "joins" / "round").symlink_to(project.path / "tests")
    (project.path / "elsewhere").mkdir()
    (project.path / "elsewhere" / "one.test").write_text("x")
    (project.path / "tests" / "linked").symlink_to(project.path / "elsewhere")
    done = project.run()
    assert names(done.stdout) == ["joins/deep/last", "joins/first", "linked/one", "retire/first", "top"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_can_not_be_read(project: Project) -> None:
    (project.path / "tests" / "retire").chmod(0)
    done = project.run()
    (project.path / "tests" / "retire").chmod(0o755)
    assert done.returncode == 2
    assert "tests/retire can't be read: Permission denied" in done.stderr


def test_an_answer_that_is_in_the_way_fails_its_test_only(project: Project) -> None:
    (project.path / "answers").mkdir()
    (project.path / "answers" / "joins").write_text("no folder")
    done = project.run()
    assert done.stdout.splitlines()[-1].startswith("2 of 4 passed")
    assert "joins/first: answers/joins: " in done.stdout


def test_pytest_collects_them(project: Project) -> None:
    project.test("retire/first", "x\n", "y\n")
    out = run_pytest(project.path, "tests").stdout
    assert "1 failed, 3 passed" in out
    assert "--- solutions/retire/first.sol" in out


def test_every_scenario_of_this_project_is_golden() -> None:
    """What the explorer and its tests read is no golden scenario, and ends otherwise."""
    for path in HERE.rglob("*.test"):
        assert (HERE.parent / "solutions" / path.relative_to(HERE)).with_suffix(".sol").exists(), path
