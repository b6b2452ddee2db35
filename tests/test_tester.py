"""The tester: verdicts, messages, exit statuses; its question at a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pexpect
import pytest

from bayou.tester.compare import diff, lines_of, snapshot
from tests.processes import wait_until
from tests.tester_project import REVERSE, TESTER, Project, at_terminal


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_all_passed(project: Project) -> None:
    project.test("b", "1\n2\n", "2\n1\n")
    project.test("a", "x\n", "x   \n\n"[:-1])
    done = project.run()
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["pass", "pass", "2"]
    assert [line.split()[-1] for line in done.stdout.splitlines()[:2]] == ["a", "b"]
    assert done.stdout.splitlines()[-1].startswith("2 of 2 passed, score 2 of 2, in ")
    assert (project.path / "answers" / "b.ans").read_text() == "2\n1\n"


def test_one_hangs_one_differs_one_has_no_solution_and_the_rest_run(tmp_path: Path) -> None:
    project = Project(
        tmp_path, 'read word; echo "did $word"; echo "a remark" >&2; [ "$word" != hang ] || sleep 1000'
    )
    project.test("a-hangs", "hang\n", "did hang\n")
    project.test("b-differs", "two\n", "did too\n")
    project.test("c-has-no-solution", "three\n", None)
    project.test("d-passes", "four\n", "did four\n")
    done = project.run("--timeout", "0.5")
    assert done.returncode == 1
    out = done.stdout
    assert "a-hangs: hung: killed after 0.5 s" in out
    assert "what it printed until then is in answers/a-hangs.ans" in out
    assert 'sh -c "$(cat COMMAND)" < tests/a-hangs.test' in out
    assert "if it only needs longer: --timeout SECONDS" in out
    assert "b-differs: differs" in out
    assert "    --- solutions/b-differs.sol\n    +++ answers/b-differs.ans\n" in out
    assert "    -did too\n    +did two\n" in out
    assert "    on standard error:\n    a remark\n" in out
    assert "c-has-no-solution: no solution" in out
    assert "if that is right: tester.py --bless c-has-no-solution" in out
    assert out.splitlines()[-4].startswith("pass")
    assert out.splitlines()[-1].startswith("1 of 4 passed")
    assert (tmp_path / "answers" / "a-hangs.ans").read_text() == "did hang\n"


def test_a_hanging_test_leaves_nothing_behind(tmp_path: Path) -> None:
    project = Project(tmp_path, "sleep 1000 & echo $!; wait")
    project.test("hangs", "", "")
    assert project.run("--timeout", "0.3").returncode == 1
    left = int((tmp_path / "answers" / "hangs.ans").read_text())
    wait_until(lambda: not Path(f"/proc/{left}").exists() or "Z" in Path(f"/proc/{left}/stat").read_text())


def test_a_command_that_fails_fails_the_test_whatever_it_printed(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat; exit 3")
    project.test("status", "x\n", "x\n")
    done = project.run()
    assert done.returncode == 1
    assert "status: the command ended with exit status 3" in done.stdout
    (tmp_path / "COMMAND").write_text("kill -9 $$")
    assert "the command ended with signal 9" in project.run().stdout


def test_names_and_patterns(project: Project) -> None:
    for name in ("retire-one", "retire-two", "other"):
        project.test(name, "x", "x")
    (project.path / "solutions" / "stray.sol").write_text("")
    for arguments, count in ((("retire*",), 2), (("other",), 1), (("tests/other.test", "retire-?ne"), 2)):
        done = project.run(*arguments)
        assert done.returncode == 0, "a stray solution is no business of a run of some tests"
        assert f"{count} of {count} passed" in done.stdout
    done = project.run("nothing*")
    assert done.returncode == 2
    assert "no test is called 'nothing*': there are other, retire-one, retire-two" in done.stderr


def test_a_solution_without_a_test(project: Project) -> None:
    project.test("a", "x", "x")
    (project.path / "solutions" / "stray.sol").write_text("")
    done = project.run()
    assert done.returncode == 1
    assert "solutions/stray.sol belongs to no test: tests/stray.test is missing" in done.stdout


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (None, "there is no COMMAND here: write the command"),
        ("", "COMMAND is empty: write the command"),
        ("  \n\n", "COMMAND is empty"),
        ("one\ntwo\n", "COMMAND has 2 lines"),
        ("one\0two\n", "COMMAND holds a NUL"),
    ],
)
def test_a_missing_or_empty_command(tmp_path: Path, command: str | None, why: str) -> None:
    project = Project(tmp_path, command)
    project.test("a", "x", "x")
    done = project.run()
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stdout == ""


def test_a_command_that_cannot_be_read(project: Project) -> None:
    (project.path / "COMMAND").write_bytes(b"\xff\xfe")
    project.test("a", "x", "x")
    assert "COMMAND can't be read" in project.run().stderr


def test_no_tests_at_all(project: Project) -> None:
    done = project.run()
    assert done.returncode == 2
    assert "there are no tests here" in done.stderr


def test_the_world_is_added_to_the_command(tmp_path: Path) -> None:
    project = Project(tmp_path, "printf '%s.'")
    project.test("a", "", "--world.sim.")
    assert project.run("--world", "sim").returncode == 0


@pytest.mark.parametrize("arguments", [("--timeout", "never"), ("--timeout", "-1"), ("--world", "mars")])
def test_wrong_options(project: Project, arguments: tuple[str, ...]) -> None:
    assert project.run(*arguments).returncode == 2


def test_help_answers(project: Project) -> None:
    done = project.run("--help")
    assert done.returncode == 0
    for word in ("COMMAND", "solutions/NAME.sol", "--timeout", "--yes", "--world", "exit status"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("answer", "runs"), [("y", True), ("YES", True), ("n", False), ("", False), ("what", False)]
)
def test_at_a_terminal_it_asks_first(project: Project, answer: str, runs: bool) -> None:
    project.test("a", "x", "x")
    child = at_terminal(project)
    child.expect_exact("Run this command on 1 scenario?")
    child.expect_exact(REVERSE)
    child.expect_exact("[y/N]")
    child.sendline(answer)
    child.expect_exact("1 of 1 passed" if runs else "nothing was run")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == (0 if runs else 1)


def test_the_end_of_input_is_a_no(project: Project) -> None:
    project.test("a", "x", "x")
    project.test("b", "x", "x")
    child = at_terminal(project)
    child.expect_exact("2 scenarios?")
    child.expect_exact("[y/N]")
    child.sendeof()
    child.expect_exact("nothing was run")
    child.expect(pexpect.EOF)


def test_an_answer_can_be_given_beforehand(project: Project) -> None:
    project.test("a", "x", "x")
    child = at_terminal(project, "-y")
    assert child.expect_exact(["1 of 1 passed", "[y/N]"]) == 0
    child.expect(pexpect.EOF)


@pytest.mark.processes
def test_the_golden_scenarios_of_this_project(tmp_path: Path) -> None:
    """In a directory of its own, so that the answers of two runs don't mix."""
    for name in ("tests", "solutions", "bayou", ".venv"):
        if (TESTER.parent / name).exists():
            (tmp_path / name).symlink_to(TESTER.parent / name)
    (tmp_path / "COMMAND").write_text(f"exec {sys.executable} -m bayou.master")
    done = subprocess.run(
        [sys.executable, str(TESTER), "first*", "retire*"], cwd=tmp_path, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


# Configurations, scores, several at a time.


def test_configurations(project: Project) -> None:
    project.test("a", "x, 17\ny, 17\nz, 18", "z, *\ny, {n}\nx, {n}")
    project.config("a", "# fields may differ\ncheck = snapshot\ngroup = patterns\nweight = 2.5\n")
    project.test("b", "2", "1\n2")
    project.config("b", "group=plain\nargs = - '/dev/null'\n")
    project.test("c", "2", "2")
    project.config("c", "weight = 0.5")
    done = project.run()
    assert done.stdout.splitlines()[-4:-1] == [
        "patterns    1 of 1 passed, score 2.5 of 2.5",
        "plain       0 of 1 passed, score 0 of 1",
        "(no group)  1 of 1 passed, score 0.5 of 0.5",
    ]
    assert done.stdout.splitlines()[-1].startswith("2 of 3 passed, score 3 of 4, in ")
    assert done.returncode == 1


def test_arguments_reach_the_command(tmp_path: Path) -> None:
    project = Project(tmp_path, "printf '%s.'")
    project.test("a", "", "--strict.two words.")
    project.config("a", "args = --strict 'two words'")
    assert project.run().returncode == 0
    project.test("a", "", "--world.sim.--strict.two words.")
    assert project.run("--world", "sim").returncode == 0


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ("group", "a line has to be key = value"),
        ("\ncolour = red", "there is no 'colour': the keys are group, weight, check, args"),
        ("# a remark\n= b", "there is no '': the keys are"),
        ("check = exact", "check has to be one of diff, snapshot"),
        ("weight = heavy", "a weight has to be a number from 0 on, such as 2.5"),
        ("weight = -1", "a number from 0 on"),
        ("weight = nan", "a number from 0 on"),
        ("args = 'open", "a shell can't read that (No closing quotation): close what is open, or quote it"),
        ("args = a\0b", "a NUL can't be part of an argument"),
        ("\n\ngroup = \udcff", "a byte that is no UTF-8: save the file as UTF-8"),
    ],
)
def test_a_configuration_that_is_off_fails_its_own_test(project: Project, config: str, why: str) -> None:
    """With file, line and remedy; the others run."""
    project.test("a", "x", "x")
    (project.path / "tests" / "a.config").write_bytes(config.encode("utf-8", "surrogateescape"))
    project.test("b", "x", "x")
    done = project.run()
    assert done.returncode == 1
    first, remedy, second, score = done.stdout.splitlines()
    assert re.match(rf"FAIL +0.00 s  a: tests/a.config:{config.count(chr(10)) + 1}: ", first)
    assert why in first
    assert (
        remedy
        == "    correct it or take it out: a line is key = value, the keys are group, weight, check, args"
    )
    assert second.endswith("  b")
    assert score.startswith("1 of 2 passed")
    assert not (project.path / "answers" / "a.ans").exists(), "it was not run under other settings than meant"


def test_all_that_is_off_in_a_configuration_is_told_and_the_rest_holds(project: Project) -> None:
    project.test("a", "x", "x")
    project.config("a", "group = hard\nweight = 3\nchek = diff\nargs = '\n")
    out = project.run().stdout
    assert "a: tests/a.config:3: chek = diff: there is no 'chek'" in out
    assert "    tests/a.config:4: args = ': a shell can't read that" in out
    assert "hard  0 of 1 passed, score 0 of 3" in out
    project.config("a", "")
    (project.path / "tests" / "a.config").unlink()
    (project.path / "tests" / "a.config").mkdir()
    assert "a: tests/a.config can't be read: Is a directory" in project.run().stdout


def test_a_configuration_without_a_test(project: Project) -> None:
    project.test("a", "x", "x")
    project.config("b", "weight = 1")
    assert "tests/b.config belongs to no test" in project.run().stdout


@pytest.mark.parametrize(
    ("solution", "printed", "wrong"),
    [
        ("a, *, c\n", "a, b, c\n", None),
        ("*\n*", "a\n", "-*"),
        ("a, *", "a", "-a, *"),
        ("*", "a, b", "-*"),
        ("{x}, {y}\n{y}, {x}", "1, 2\n2, 1", None),
        ("{x}, {y}\n{y}, {x}", "1, 2\n1, 2", "-{y}, {x}    ({y} is 2, {x} is 1)"),
        ("{x}, 9\n{x}", "1, 2\n5", "-{x}, 9"),
        ("pre{x}", "pre{x}", None),
        ("pre{x}", "prefix", "-pre{x}"),
        ("{x}\n{x}", "*\nb", "-{x}    ({x} is *)"),
        ("same", "same", None),
    ],
)
def test_snapshots(solution: str, printed: str, wrong: str | None) -> None:
    lines = snapshot(solution.encode(), printed.encode(), ("solution", "answer"))
    assert (lines == []) == (wrong is None)
    assert wrong is None or wrong in lines


def test_several_at_a_time(tmp_path: Path) -> None:
    """Two tests that wait for each other: one after the other they would hang."""
    project = Project(tmp_path, 'read me you; touch "$me"; until [ -e "$you" ]; do :; done; echo met')
    project.test("a", "a b\n", "met")
    project.test("b", "b a\n", "met")
    done = project.run("-j", "2", "--timeout", "20")
    assert done.returncode == 0, done.stdout
    assert project.run("-j", "0").returncode == 2
    assert project.run("-j", "many").returncode == 2


def test_only_what_failed_last_time(project: Project) -> None:
    project.test("a", "x", "x")
    project.test("b", "x", "y")
    assert "1 of 2 passed" in project.run().stdout
    assert "0 of 1 passed" in project.run("--failed").stdout
    assert "1 of 1 passed" in project.run("a").stdout, "which says nothing about b"
    project.test("b", "y", "y")
    assert "1 of 1 passed" in project.run("--failed").stdout
    done = project.run("--failed")
    assert (done.returncode, done.stdout) == (0, "nothing failed last time\n")
    (project.path / "answers" / ".last-run.json").write_text("no record")
    assert project.run("--failed").returncode == 0


def test_blessing(project: Project) -> None:
    project.test("a", "new", "old")
    project.test("b", "first", None)
    assert "a has not been run to its end yet, so there is no answer" in project.run("--bless", "a").stderr
    project.run()
    done = project.run("--bless", "a", "--bless", "b")
    assert done.returncode == 0
    assert "solutions/a.sol: changed\n    --- solutions/a.sol\n    +++ answers/a.ans" in done.stdout
    assert "    -old\n    +new\n" in done.stdout
    assert "solutions/b.sol: written" in done.stdout
    assert project.run().returncode == 0
    assert "says so already" in project.run("--bless", "a").stdout


def test_what_is_not_to_be_blessed(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat; exit 3")
    project.test("status", "x", "y")
    project.test("changed", "x", "y")
    project.run("status")
    done = project.run("--bless", "status")
    assert done.returncode == 1
    assert (
        "status is not blessed, as its last run failed: the command ended with exit status 3" in done.stderr
    )
    (tmp_path / "COMMAND").write_text("cat")
    project.run()
    os.utime(tmp_path / "tests" / "changed.test", (2**31, 2**31))
    assert "has changed since it was run" in project.run("--bless", "changed").stderr
    project.config("status", "check = snapshot")
    assert "holds patterns" in project.run("--bless", "status").stderr
    assert (tmp_path / "solutions" / "status.sol").read_text() == "y"


def test_junit(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat; printf 'a\\001b' >&2")
    project.test("a", "x", "x")
    project.test("b", "x", "<y>")
    project.config("b", "group = odd")
    project.run("--junit", "out.xml", "-j", "2")
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [(case.get("classname"), case.get("name")) for case in suite] == [("scenarios", "a"), ("odd", "b")]
    failure = suite[1][0]
    assert failure.get("message") == "differs"
    assert "-<y>" in (failure.text or "")
    assert "a\N{REPLACEMENT CHARACTER}b" in (failure.text or "")
    assert project.run("--junit", "nowhere/out.xml").returncode == 2


def test_progress_shows_at_a_terminal_only(project: Project) -> None:
    project.test("a", "x", "x")
    child = at_terminal(project, "-y")
    child.expect_exact("1 of 1: a")
    child.expect(pexpect.EOF)
    assert project.run().stderr == ""


def test_answers_that_can_not_be_written(project: Project) -> None:
    project.test("a", "x", "x")
    (project.path / "answers").write_text("no directory")
    done = project.run()
    assert done.returncode == 2
    assert "answers go into answers/, which can't be written" in done.stderr


def test_files_that_are_none_fail_their_test_only(project: Project) -> None:
    project.test("a", "x", "x")
    (project.path / "tests" / "b.test").mkdir()
    project.test("c", "x", None)
    (project.path / "solutions" / "c.sol").mkdir()
    (project.path / "answers" / "d.ans").mkdir(parents=True)
    project.test("d", "x", "x")
    done = project.run()
    assert done.returncode == 1
    assert "b: tests/b.test: Is a directory" in done.stdout
    assert "c: solutions/c.sol: Is a directory" in done.stdout
    assert "d: answers/d.ans: Is a directory" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 of 4 passed")


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "| head -c 0", "2>&-"])
def test_closed_streams(project: Project, redirection: str) -> None:
    for name in ("a", "b"):
        project.test(name, "x", "x")
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} {TESTER} {redirection}"], cwd=project.path, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_control_characters_do_not_reach_the_terminal(project: Project) -> None:
    project.test("a", "\x1b[2Jx", "y")
    out = project.run().stdout
    assert "+\N{REPLACEMENT CHARACTER}[2Jx" in out
    assert "\x1b" not in out


def test_ctrl_c_at_the_question(project: Project) -> None:
    project.test("a", "x", "x")
    child = at_terminal(project)
    child.expect_exact("[y/N]")
    child.sendintr()
    child.expect_exact("interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


# The pytest plugin.


def run_pytest(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments], cwd=project.path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_pytest_collects_scenarios_where_asked(project: Project) -> None:
    project.test("a", "1\n2\n", "2\n1\n")
    project.test("b", "x", "y")
    project.test("c", "x", "x")
    project.config("c", "colour = red")
    assert run_pytest(project, "tests").returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    done = run_pytest(project, "--bayou", "tests")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in done.stdout
    assert "b.test: differs" in done.stdout
    assert "\n-y\n+x\n" in done.stdout
    assert "c.config:1: colour = red: there is no 'colour'" in done.stdout


@pytest.mark.processes
def test_pytest_runs_scenarios_of_any_project(tmp_path: Path) -> None:
    """Without a COMMAND they run on the bayou that is installed."""
    project = Project(tmp_path, None)
    project.test("a", "joinServer 0\njoinClient 1 0\nput 1 a b\nget 1 a\n", "a:b\n")
    for arguments in ([], ["--bayou-world", "sim"]):
        done = run_pytest(project, "--bayou", "tests", *arguments)
        assert done.returncode == 0, done.stdout


# Comparing.


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (b"a\nb\n", b"a\nb\n", True),
        (b"a\nb", b"a\nb\n", True),
        (b"a  \nb\t\n", b"a\nb", True),
        (b"a\r\nb\r\n", b"a\nb\n", True),
        (b"", b"", True),
        (b"", b"\n", True),
        (b"a\nb\n", b"b\na\n", False),
        (b"a\n", b" a\n", False),
        (b"a\n\nb", b"a\nb", False),
        (b"a\n", b"a\n\n\n", False),
        (b"\xff", b"\xfe", False),
    ],
)
def test_what_counts_as_the_same(expected: bytes, printed: bytes, same: bool) -> None:
    assert (lines_of(expected) == lines_of(printed)) == same
    assert (diff(expected, printed, ("one", "other")) == []) == same


def test_a_long_diff_is_cut() -> None:
    lines = diff(b"", b"\n".join(b"%d" % n for n in range(500)), ("one", "other"))
    assert len(lines) == 61
    assert lines[-1] == "... and 443 more lines"
