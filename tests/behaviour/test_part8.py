"""Part 8: golden files and the tester."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pexpect
import pytest

from tests.tester_project import TESTER, Project, at_terminal

HOME = TESTER.parent
COPY = "exec cat"  # prints the scenario itself


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A directory whose command prints the scenario that it is fed."""
    return Project(tmp_path, COPY)


def verdicts(out: str) -> dict[str, str]:
    """Return pass or FAIL for each test that has a line."""
    lines = [line.split() for line in out.splitlines() if line.startswith(("pass ", "FAIL "))]
    return {words[3].rstrip(":"): words[0] for words in lines}


# What is run.


def test_part8_the_tester_works_in_the_current_directory(project: Project) -> None:
    """Scenarios come from tests/, solutions from solutions/, and what was printed goes to answers/."""
    project.test("one", "a\nb\n", "a\nb\n")
    project.test("two", "c\n", "d\n")
    assert verdicts(project.run().stdout) == {"one": "pass", "two": "FAIL"}
    assert (project.path / "answers" / "one.ans").read_bytes() == b"a\nb\n"
    assert (project.path / "answers" / "two.ans").read_bytes() == b"c\n"


def test_part8_each_scenario_is_fed_on_standard_input(tmp_path: Path) -> None:
    """The command gets the scenario on its standard input, and no file name."""
    project = Project(tmp_path, 'printf "%s.\\n" $#; cat; : ')
    project.test("one", "a\n", "0.\na\n")
    assert project.run().returncode == 0


@pytest.mark.processes
@pytest.mark.skipif(not (HOME / ".venv").exists(), reason="needs what the first command of the README makes")
@pytest.mark.parametrize("activated", ["none", "this one", "another one"])
def test_part8_the_command_works_by_hand(tmp_path: Path, activated: str) -> None:
    """The command of this project runs from a shell, whichever virtual environment is active, if any."""
    path = {"none": "", "this one": f"{HOME}/.venv/bin:", "another one": f"{tmp_path}:"}[activated]
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 77\n")
    (tmp_path / "python3").chmod(0o755)
    environment = {"PATH": f"{path}/usr/bin:/bin"}
    if activated != "none":
        environment["VIRTUAL_ENV"] = str(Path(path.rstrip(":")).parent)
    done = subprocess.run(
        ["sh", "-c", 'sh -c "$(cat COMMAND)"'], input=b"joinServer 0\njoinClient 1 0\nput 1 a b\nget 1 a\n",
        cwd=HOME, env=environment, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a:b\n", b"")


# The question.


@pytest.mark.processes
@pytest.mark.parametrize("answer", ["y", "n"])
def test_part8_at_a_terminal_the_tester_asks_first(project: Project, answer: str) -> None:
    """Where standard input is a terminal nothing is run before somebody has agreed to it."""
    project.test("one", "a\n", "a\n")
    child = at_terminal(project)
    child.expect_exact("[y/N]")
    assert not (project.path / "answers" / "one.ans").exists()
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert (project.path / "answers" / "one.ans").exists() == (answer == "y")
    assert (child.exitstatus == 0) == (answer == "y")


@pytest.mark.processes
def test_part8_the_question_can_be_answered_beforehand(project: Project) -> None:
    """With -y there is no question."""
    project.test("one", "a\n", "a\n")
    child = at_terminal(project, "-y")
    assert child.expect_exact(["1 of 1 passed", "[y/N]"]) == 0
    child.expect(pexpect.EOF)


def test_part8_without_a_terminal_there_is_no_question(project: Project) -> None:
    """Where standard input is no terminal the tester never asks, not even for an answer in a pipe."""
    project.test("one", "a\n", "a\n")
    done = subprocess.run(
        [sys.executable, str(TESTER)], cwd=project.path, input="n\n", capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "[y/N]" not in done.stdout + done.stderr


# Configurations.


def test_part8_tests_of_a_group_are_scored_together(project: Project) -> None:
    """Each group gets a score of its own, to which every test adds its weight, and there is one overall."""
    for name, group, weight, solution in (
        ("a", "hard", "3", "x"),
        ("b", "hard", "1.5", "y"),
        ("c", "easy", "1", "x"),
    ):
        project.test(name, "x\n", solution)
        project.config(name, f"group = {group}\nweight = {weight}\n")
    out = project.run().stdout.splitlines()
    assert ["hard", "1", "of", "2", "passed,", "score", "3", "of", "4.5"] in [line.split() for line in out]
    assert ["easy", "1", "of", "1", "passed,", "score", "1", "of", "1"] in [line.split() for line in out]
    assert out[-1].startswith("2 of 3 passed, score 4 of 5.5")


def test_part8_a_test_may_add_arguments_to_the_command(tmp_path: Path) -> None:
    """The arguments in a configuration are added to the command, for that test alone."""
    project = Project(tmp_path, "printf '%s\\n'")
    project.test("one", "", "--strict\n--deadline\n5\n")
    project.config("one", "args = --strict --deadline 5\n")
    project.test("two", "", "\n")
    assert verdicts(project.run().stdout) == {"one": "pass", "two": "pass"}


def test_part8_a_configuration_may_choose_how_to_compare(project: Project) -> None:
    """A test is compared line by line unless its configuration says snapshot."""
    for name, check in (("one", "diff"), ("two", "snapshot"), ("three", None)):
        project.test(name, "a, b\n", "a, *\n")
        if check is not None:
            project.config(name, f"check = {check}\n")
    assert verdicts(project.run().stdout) == {"one": "FAIL", "two": "pass", "three": "FAIL"}


# Comparing.


@pytest.mark.parametrize(
    ("printed", "solution", "verdict"),
    [
        ("a\nb\n", "a\nb\n", "pass"),
        ("a\nb\n", "a\nb", "pass"),
        ("a\nb", "a\nb\n", "pass"),
        ("a  \nb\n", "a\nb\t\n", "pass"),
        ("b\na\n", "a\nb\n", "FAIL"),
        ("a\n", "a\nb\n", "FAIL"),
        ("a\nb\n", "a\n", "FAIL"),
        ("a\nb\n", "a\nB\n", "FAIL"),
        (" a\n", "a\n", "FAIL"),
        ("a  b\n", "a b\n", "FAIL"),
    ],
)
def test_part8_the_same_lines_in_the_same_order(
    project: Project, printed: str, solution: str, verdict: str
) -> None:
    """An answer is right with the same lines in the same order, blanks and newlines at the ends aside."""
    project.test("one", printed, solution)
    assert verdicts(project.run().stdout) == {"one": verdict}


@pytest.mark.parametrize(
    ("printed", "solution", "verdict"),
    [
        ("put, 17, x\n", "put, *, x\n", "pass"),
        ("put, 17, y\n", "put, *, x\n", "FAIL"),
        ("put, 17\n", "put, *, x\n", "FAIL"),
        ("a, 1\nb, 1\n", "a, {n}\nb, {n}\n", "pass"),
        ("a, 1\nb, 2\n", "a, {n}\nb, {n}\n", "FAIL"),
        ("a, 1\nb, 2\n", "a, {n}\nb, {m}\n", "pass"),
        ("a, 1\nb, 1\n", "a, {n}\nb, {m}\n", "pass"),
        ("b, 1\na, 1\n", "a, *\nb, *\n", "FAIL"),
        ("a, 1\n", "a, *\nb, *\n", "FAIL"),
    ],
)
def test_part8_a_snapshot_leaves_fields_open(
    project: Project, printed: str, solution: str, verdict: str
) -> None:
    """In a snapshot a star matches any field, and a name in braces any field that is the same throughout."""
    project.test("one", printed, solution)
    project.config("one", "check = snapshot\n")
    assert verdicts(project.run().stdout) == {"one": verdict}


# What is told.


@pytest.mark.processes
def test_part8_each_test_has_its_line_as_it_ends(tmp_path: Path) -> None:
    """When a test has ended, its verdict and seconds are there to be read, while others are still running."""
    project = Project(tmp_path, "read word; [ $word = go ] || until [ -e release ]; do :; done; echo $word")
    project.test("a", "go\n", "go")
    project.test("b", "wait\n", "waited")
    with subprocess.Popen(
        [sys.executable, str(TESTER)], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline().split()
        (tmp_path / "release").touch()
        assert (line[0], line[2:]) == ("pass", ["s", "a"])
        assert float(line[1]) >= 0
        assert verdicts(process.stdout.read()) == {"b": "FAIL"}
        assert process.wait(20) == 1


def test_part8_a_failure_shows_a_diff_and_standard_error(tmp_path: Path) -> None:
    """A test that failed shows which lines differ, and what the command said on standard error."""
    project = Project(tmp_path, "cat; echo 'something went wrong' >&2")
    project.test("one", "same\nprinted\n", "same\nexpected\n")
    lines = [line.strip() for line in project.run().stdout.splitlines()]
    assert {"-expected", "+printed", "something went wrong"} <= set(lines)
    assert "-same" not in lines


@pytest.mark.parametrize(("solution", "status"), [("a", 0), ("b", 1)])
def test_part8_the_exit_status_is_zero_where_all_passed(project: Project, solution: str, status: int) -> None:
    """The tester ends with status 0 where every test passed, and with another one where any did not."""
    project.test("one", "a\n", "a\n")
    project.test("two", "a\n", solution)
    assert project.run().returncode == status


@pytest.mark.processes
def test_part8_a_test_that_hangs_does_not_keep_the_others(tmp_path: Path) -> None:
    """A test that hangs fails when its time is over, and all the others run."""
    project = Project(tmp_path, "read word; [ $word = go ] || sleep 1000; echo $word")
    for name, word in (("a", "go"), ("b", "hang"), ("c", "go")):
        project.test(name, f"{word}\n", word)
    done = project.run("--timeout", "0.3")
    assert verdicts(done.stdout) == {"a": "pass", "b": "FAIL", "c": "pass"}
    assert done.returncode == 1


# Options.


@pytest.mark.parametrize(
    ("chosen", "names"),
    [(["put"], {"put"}), (["re*"], {"retire", "rejoin"}), (["put", "rej*"], {"put", "rejoin"})],
)
def test_part8_names_or_patterns_choose_tests(project: Project, chosen: list[str], names: set[str]) -> None:
    """Names and patterns on the command line choose which tests are run."""
    for name in ("put", "retire", "rejoin"):
        project.test(name, "a\n", "a\n")
    assert verdicts(project.run(*chosen).stdout).keys() == names


@pytest.mark.processes
def test_part8_several_tests_run_at_a_time(tmp_path: Path) -> None:
    """With -j 2 two tests run at a time: these two wait for each other."""
    project = Project(tmp_path, 'read me you; touch "$me"; until [ -e "$you" ]; do :; done; echo met')
    project.test("a", "a b\n", "met")
    project.test("b", "b a\n", "met")
    assert verdicts(project.run("-j", "2", "--timeout", "20").stdout) == {"a": "pass", "b": "pass"}


def test_part8_blessing_makes_the_answer_the_solution(project: Project) -> None:
    """With --bless NAME what the test printed becomes its solution, and the difference is shown."""
    project.test("one", "new\n", "old\n")
    project.test("two", "new\n", "old\n")
    assert project.run().returncode == 1
    done = project.run("--bless", "one")
    assert done.returncode == 0
    assert {"-old", "+new"} <= {line.strip() for line in done.stdout.splitlines()}
    assert (project.path / "solutions" / "one.sol").read_text() == "new\n"
    assert verdicts(project.run().stdout) == {"one": "pass", "two": "FAIL"}


def test_part8_results_can_be_had_as_junit_xml(project: Project) -> None:
    """With --junit FILE the results are written in the XML that continuous integrations read."""
    project.test("one", "a\n", "a\n")
    project.test("two", "a\n", "b\n")
    project.run("--junit", "results.xml")
    root = ElementTree.parse(project.path / "results.xml").getroot()
    cases = {case.get("name"): case.find("failure") is not None for case in root.iter("testcase")}
    assert cases == {"one": False, "two": True}


# What is missing.


def test_part8_a_test_without_a_solution_fails(project: Project) -> None:
    """A scenario that has no solution fails with a message that says so."""
    project.test("one", "a\n", None)
    done = project.run()
    assert done.returncode != 0
    assert "one: no solution" in done.stdout


def test_part8_a_solution_without_a_test_fails(project: Project) -> None:
    """A solution that belongs to no scenario fails the run with a message that names it."""
    project.test("one", "a\n", "a\n")
    (project.path / "solutions" / "stray.sol").write_text("")
    done = project.run()
    assert done.returncode != 0
    assert "stray" in done.stdout + done.stderr


@pytest.mark.parametrize("command", [None, "", "\n \n"])
def test_part8_a_missing_or_empty_command_fails(tmp_path: Path, command: str | None) -> None:
    """Without a command nothing is run, and a message says what is missing."""
    project = Project(tmp_path, command)
    project.test("one", "a\n", "a\n")
    done = project.run()
    assert done.returncode != 0
    assert "COMMAND" in done.stderr
    assert not (tmp_path / "answers").exists()


@pytest.mark.processes
def test_part8_the_scenarios_of_this_project_pass(tmp_path: Path) -> None:
    """The tester finds nothing wrong with the scenarios that come with this project."""
    for name in ("tests", "solutions"):
        (tmp_path / name).symlink_to(HOME / name)
    (tmp_path / "COMMAND").write_text(f"exec {sys.executable} -m bayou.master\n")
    done = subprocess.run(
        [sys.executable, str(TESTER), "first-put", "retire-a*", "-j", "2"], cwd=tmp_path, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(HOME)}, text=True, stdin=subprocess.DEVNULL, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "first-put" in verdicts(done.stdout)
