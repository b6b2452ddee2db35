"""What the tester says of a run beside pass and fail: remarks, advice, which answers can be blessed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.processes import wait_until
from tests.tester_project import OWN, PROGRAMS, Project

pytestmark = pytest.mark.processes

# What a pass has to remark.


def test_a_pass_shows_what_stood_on_standard_error(tmp_path: Path) -> None:
    """A person who wrote a scenario with a typo wants to know, though what was printed is right."""
    project = Project(tmp_path, OWN)
    project.test("typo", "joinServer 0\njoinClient 1 0\nputt 1 a b\nget 1 a\n", "a:ERR_KEY\n")
    project.test("without", "joinServer 0\njoinClient 1 0\nget 1 a\n", "a:ERR_KEY\n")
    done = project.run("--junit", "out.xml")
    assert done.returncode == 0
    typo, count, line, without, score = done.stdout.splitlines()
    assert typo.startswith("pass ")
    assert typo.endswith(" typo")
    assert count == "    1 line on standard error:"
    assert line == "    <stdin>:3: putt 1 a b: unknown command 'putt': did you mean put?; skipped"
    assert without.endswith(" without")
    assert score.startswith("2 of 2 passed")
    first, second = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert "unknown command 'putt'" in (first.findtext("system-err") or "")
    assert (first.find("failure"), second.find("system-err")) == (None, None)


def test_what_a_pass_shows_is_short(tmp_path: Path) -> None:
    project = Project(
        tmp_path, "for n in 1 2 3 4 5 6 7; do echo line $n >&2; done; head -c 9999 /dev/zero >&2"
    )
    project.test("a", "", "")
    lines = project.run().stdout.splitlines()
    assert lines[1:-1] == [
        "    8 lines on standard error:", "    line 1", "    line 2", "    line 3", "    ... and 5 more",
    ]  # fmt: skip


def test_a_failure_shows_the_last_lines_however_many_there_are(tmp_path: Path) -> None:
    project = Project(tmp_path, "seq 100000 >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1")
    project.test("a", "", "")
    lines = project.run().stdout.splitlines()
    start = lines.index("    on standard error:")
    assert lines[start + 1 : start + 4] == ["    ... 99981 lines before", "    99982", "    99983"]
    assert set(lines[-2][4:-3]) == {"x"}
    assert len(lines[-2]) < 1100


# Which answers can be blessed.

KEPT = "the solution as it was\n"


@pytest.mark.parametrize("has_solution", [True, False])
@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo half; exit 3", "the command ended with exit status 3"),
        ("echo half; kill -9 $$", "the command ended with signal 9"),
        ("echo half; kill -11 $$", "the command ended with signal 11"),
        ("echo half; sleep 1000", "hung: killed after 0.3 s"),
        ("echo half; no-such-command-anywhere", "the command ended with exit status 127"),
    ],
)
def test_a_run_that_failed_is_not_blessed(tmp_path: Path, command: str, why: str, has_solution: bool) -> None:
    """Whether or not there is a solution to be overwritten; it says so, and what to do."""
    project = Project(tmp_path, command)
    project.test("a", "", KEPT if has_solution else None)
    done = project.run("--timeout", "0.3")
    assert f"a: {why}" in done.stdout
    assert "--bless" not in done.stdout
    done = project.run("--bless", "a")
    assert done.returncode == 1
    assert f"a is not blessed, as its last run failed: {why}; only what a run that went well" in done.stderr
    assert "mend that, run tester.py a, then bless it" in done.stderr
    assert (tmp_path / "solutions" / "a.sol").exists() == has_solution
    assert not has_solution or project.solution("a") == KEPT


def test_a_run_of_a_master_that_met_an_expectation_wrongly_is_not_blessed(tmp_path: Path) -> None:
    project = Project(tmp_path, OWN)
    project.test("a", "joinServer 0\njoinClient 1 0\nget 1 a\nexpect a:b\n", None)
    assert project.run().returncode == 1
    assert "exit status 4" in project.run("--bless", "a").stderr


def test_a_run_that_never_completed_is_not_blessed(tmp_path: Path) -> None:
    """The tester itself was killed before it could note anything; what was noted is of another run."""
    project = Project(tmp_path, "echo half; [ -e quick ] || sleep 1000; echo whole")
    project.test("a", "", KEPT)
    (tmp_path / "quick").touch()
    assert project.run().returncode == 1
    (tmp_path / "quick").unlink()
    process = subprocess.Popen(
        [sys.executable, *PROGRAMS["tester.py"]],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: project.answer("a") == "half\n")
    shells = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for pid in shells:
        subprocess.run(["pkill", "-KILL", "-s", str(pid)], check=True)
    done = project.run("--bless", "a")
    assert done.returncode == 1
    assert "a.ans is not what a ended with when it last ran to its end" in done.stderr
    assert project.solution("a") == KEPT


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(word) for task in tasks for word in (task / "children").read_text().split()]


def test_a_test_whose_configuration_is_off_is_not_blessed(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat")
    project.test("a", "new", "old")
    project.run()
    project.config("a", "weight = much")
    done = project.run("--bless", "a")
    assert done.returncode == 1
    assert "a is not blessed: tests/a.config:1: weight = much: a weight has to be" in done.stderr
    assert project.solution("a") == "old"


def test_one_that_is_refused_does_not_keep_the_others(tmp_path: Path) -> None:
    project = Project(tmp_path, "read word; echo $word; [ $word != fail ]")
    project.test("a", "fail\n", KEPT)
    project.test("b", "fine\n", KEPT)
    project.run()
    done = project.run("--bless", "*")
    assert done.returncode == 1
    assert "a is not blessed" in done.stderr
    assert (project.solution("a"), project.solution("b")) == (KEPT, "fine\n")


def test_a_record_of_another_form_blesses_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat")
    project.test("a", "new", "old")
    project.run()
    for text in ('{"a": "differs"}', '{"a": null}', '{"a": {"problem": 1, "answer": ""}}', "[]", "{"):
        (tmp_path / "answers" / ".last-run.json").write_text(text)
        assert "has not been run to its end yet" in project.run("--bless", "a").stderr
    assert project.solution("a") == "old"


# Advice, in terms of the program that was called.


@pytest.mark.parametrize("program", list(PROGRAMS))
def test_advice_is_for_the_program_that_was_called(tmp_path: Path, program: str) -> None:
    project = Project(tmp_path, "read word; echo $word; [ $word != hang ] || sleep 1000")
    project.test("is new", "x\n", None)
    project.test("hangs", "hang\n", "")
    out = project.run("--timeout", "0.3", program=program).stdout
    assert f"    if that is right: {program} --bless 'is new'\n" in out
    assert "    if it only needs longer: --timeout SECONDS\n" in out
    assert f"nothing to bless: {program} a" not in out
    err = project.run("--bless", "hangs", program=program).stderr
    assert f"run {program} hangs, then bless it" in err
    other = {"tester.py": "bayou test", "bayou test": "tester.py"}[program]
    assert other not in out + err


def advised(out: str, before: str) -> str:
    """Return the command that stands behind some words."""
    (found,) = re.findall(rf"^ *{before}: (.*)$", out, re.MULTILINE)
    assert isinstance(found, str)
    return found


FAILING = """end() { printf '<%s>' "$@"; exit 3; }; end"""


@pytest.mark.parametrize("command", [FAILING, None])
def test_advice_can_be_followed(tmp_path: Path, command: str | None) -> None:
    """The command that shows the failure by hand does what the tester did, arguments and all."""
    project = Project(tmp_path, command)
    project.test("a b", "joinServer 0\nnonsense\n", "")
    project.config("a b", "args = --strict --guarantees 'RYW, MR'")
    out = project.run("--world", "sim", program="bayou test").stdout
    watch = advised(out, "to see it happen")
    done = subprocess.run(["sh", "-c", watch], cwd=tmp_path, capture_output=True, text=True, check=False)
    if command is None:
        assert done.returncode == 2
        assert done.stderr in out
    else:
        assert (done.returncode, done.stdout) == (3, "<--world><sim><--strict><--guarantees><RYW, MR>")
    assert done.stdout == project.answer("a b")


def run_pytest(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Where pytest sees that it runs in continuous integration, its summary tells every failure once more.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--bayou", *arguments], cwd=directory,
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("inside", [True, False])
def test_the_pytest_plugin_says_what_to_run_and_where(tmp_path: Path, inside: bool) -> None:
    """What it says works: how the test went there can be blessed with `bayou test`."""
    (tmp_path / "pro ject").mkdir()
    project = Project(tmp_path / "pro ject", None)
    project.test("sub/new", "joinServer 0\njoinClient 1 0\nget 1 a\n", None)
    directory = project.path if inside else tmp_path
    done = run_pytest(directory, "." if inside else "pro ject")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    bless = advised(done.stdout, "if that is right")
    assert bless.endswith("bayou test --bless sub/new")
    assert bless.startswith("bayou" if inside else f"cd {shlex.quote(str(project.path))} && ")
    bless = bless.replace("bayou test", f"{sys.executable} -m bayou test")
    subprocess.run(["sh", "-c", bless], cwd=directory, check=True)
    assert project.solution("sub/new") == "a:ERR_KEY\n"
    assert run_pytest(directory, "." if inside else "pro ject").returncode == 0


def test_the_pytest_plugin_names_its_own_options(tmp_path: Path) -> None:
    project = Project(tmp_path, "sleep 1000")
    project.test("a", "", "")
    out = run_pytest(tmp_path, "--bayou-timeout", "0.3").stdout
    assert "if it only needs longer: --bayou-timeout SECONDS" in out
    assert "tester.py" not in out
    done = run_pytest(tmp_path, "--bayou-timeout", "-1")
    assert "'-1' is no number of seconds above 0" in done.stderr


def test_the_pytest_plugin_shows_what_a_pass_said(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat; echo 'a remark' >&2")
    project.test("a", "x\n", "x\n")
    assert "a remark" in run_pytest(tmp_path, "-rP").stdout


# Without a COMMAND.


@pytest.mark.parametrize("name", ["a", "sub/a"])
def test_bayou_test_runs_scenarios_itself_where_there_is_no_command(tmp_path: Path, name: str) -> None:
    """With the interpreter that runs it; so the first golden test needs nothing but a scenario."""
    project = Project(tmp_path, None)
    project.test(name, "joinServer 0\njoinClient 1 0\nput 1 a b\nget 1 a\n", None)
    done = project.run(program="bayou test")
    assert "no solution" in done.stdout
    assert project.run("--bless", name, program="bayou test").returncode == 0
    assert project.solution(name) == "a:b\n"
    for world in ((), ("--world", "sim"), ("--world", "processes")):
        assert project.run(*world, program="bayou test").returncode == 0


def test_the_tester_itself_demands_a_command(tmp_path: Path) -> None:
    project = Project(tmp_path, None)
    project.test("a", "joinServer 0\n", "")
    done = project.run()
    assert done.returncode == 2
    assert "there is no COMMAND here: write the command that runs a scenario" in done.stderr
    assert "or call `bayou test`, which runs scenarios itself where there is none" in done.stderr


@pytest.mark.parametrize("text", ["", "one\ntwo\n"])
def test_a_command_that_is_there_has_to_be_one(tmp_path: Path, text: str) -> None:
    """An empty COMMAND is a mistake, for `bayou test` too, and nothing to be guessed at."""
    project = Project(tmp_path, text)
    project.test("a", "joinServer 0\n", "")
    done = project.run(program="bayou test")
    assert done.returncode == 2
    assert "COMMAND" in done.stderr


def test_the_record_says_what_was_printed(tmp_path: Path) -> None:
    project = Project(tmp_path, "cat")
    project.test("a", "x", "x")
    project.run()
    record = json.loads((tmp_path / "answers" / ".last-run.json").read_text())
    assert record["a"]["problem"] is None
    assert len(record["a"]["answer"]) == 64
