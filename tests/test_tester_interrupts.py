"""Ctrl-C and other signals: the tester tells what it has, and nothing that it started outlives it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pexpect
import pytest

from tests.processes import wait_until
from tests.tester_project import OWN, PROGRAMS, Project, Traces

pytestmark = pytest.mark.processes

GONE_S = 1.0
"""How soon everything has to be gone once the tester has ended."""

NODES = 3
HANGS = "joinServer 0\njoinServer 1\njoinClient 2 0\ninclude {fifo}\n"


@pytest.fixture
def traces() -> Iterator[Traces]:
    found = Traces()
    yield found
    found.kill()


def project_that_hangs(path: Path, hanging: int = 3) -> Project:
    """Return a project whose first test passes, and whose others start nodes and then wait for a pipe that
    nobody writes to."""
    project = Project(path, OWN)
    project.test("a-passes", "joinServer 0\njoinClient 1 0\nget 1 a\n", "a:ERR_KEY\n")
    os.mkfifo(path / "pipe")
    for number in range(hanging):
        project.test(f"b-hangs-{number}", HANGS.format(fifo=path / "pipe"), "")
    return project


def start(
    project: Project, traces: Traces, *arguments: str, program: str = "bayou test"
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *PROGRAMS[program], *arguments], cwd=project.path, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=traces.environment,
    )  # fmt: skip


def wait_for_nodes(project: Project, traces: Traces, tests: int) -> None:
    """Wait until that many hanging tests run: each is a master, its warm parent, and nodes."""
    wait_until((project.path / "answers" / "a-passes.ans").exists)
    wait_until(lambda: len(traces.alive()) >= 1 + tests * (2 + NODES))


def all_is_gone(traces: Traces) -> None:
    wait_until(lambda: not traces.alive(), GONE_S)


@pytest.mark.parametrize("program", list(PROGRAMS))
@pytest.mark.parametrize("jobs", [1, 3])
def test_ctrl_c_at_a_terminal(tmp_path: Path, traces: Traces, program: str, jobs: int) -> None:
    """As a user does it: Ctrl-C goes to all processes of the terminal's foreground group."""
    project = project_that_hangs(tmp_path)
    child = pexpect.spawn(
        sys.executable, [*PROGRAMS[program], "-y", "-j", str(jobs), "--junit", "out.xml"],
        cwd=str(tmp_path), encoding="utf-8", timeout=20, env=traces.environment,
    )  # fmt: skip
    child.expect(r"pass +[0-9.]+ s  a-passes")
    wait_for_nodes(project, traces, jobs)
    child.sendintr()
    child.expect_exact("1 of 1 passed, score 1 of 1, in ")
    child.expect_exact(f"interrupted: 3 of 4 tests were not run ({jobs} of them cut off)")
    child.expect(pexpect.EOF)
    child.close()
    all_is_gone(traces)
    assert (child.exitstatus, child.signalstatus) == (130, None)
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert [case.get("name") for case in suite] == ["a-passes"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
@pytest.mark.parametrize("jobs", [1, 3])
def test_signals(tmp_path: Path, traces: Traces, number: signal.Signals, jobs: int) -> None:
    project = project_that_hangs(tmp_path)
    process = start(project, traces, "-j", str(jobs))
    wait_for_nodes(project, traces, jobs)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    all_is_gone(traces)
    assert process.returncode == 128 + number
    assert "pass" in out.splitlines()[0]
    assert out.splitlines()[-1].startswith("interrupted: 3 of 4 tests were not run")
    assert err == ""


@pytest.mark.parametrize("times", [2, 20])
@pytest.mark.parametrize("others", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("program", list(PROGRAMS))
def test_a_signal_that_comes_again_and_again(
    tmp_path: Path, traces: Traces, program: str, others: signal.Signals, times: int
) -> None:
    """However impatient the user is: it ends in order, and with what it has to tell."""
    project = project_that_hangs(tmp_path)
    process = start(project, traces, "-j", "3", program=program)
    wait_for_nodes(project, traces, 3)
    for turn in range(times):
        if process.poll() is None:
            process.send_signal((signal.SIGINT, others)[turn % 2])
    out, err = process.communicate(timeout=20)
    all_is_gone(traces)
    assert process.returncode in {128 + signal.SIGINT, 128 + others}
    assert out.splitlines()[-1].startswith("interrupted: 3 of 4 tests were not run")
    assert err == ""


@pytest.mark.parametrize("seed", range(12))
def test_a_signal_at_any_moment(tmp_path: Path, traces: Traces, seed: int) -> None:
    """In the middle of starting processes, too: tests start and end all the time while the signals come."""
    chance = random.Random(seed)
    project = Project(tmp_path, "sleep 1000 & read seconds; exec sleep $seconds")
    for number in range(60):
        project.test(f"t{number}", f"{chance.choice(['0', '0.01', '1000'])}\n", "")
    process = start(project, traces, "-j", "4")
    wait_until((tmp_path / "answers" / "t0.ans").exists)
    time.sleep(chance.uniform(0, 0.1))  # not to wait for anything: to hit another moment each time
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(chance.uniform(0, 0.01))
    out, err = process.communicate(timeout=20)
    all_is_gone(traces)
    assert process.returncode == 130
    assert "interrupted: " in out.splitlines()[-1]
    assert err == ""


def test_what_left_its_session_is_gone_too(tmp_path: Path, traces: Traces) -> None:
    """Commands may start processes that lead sessions or groups of their own."""
    project = Project(tmp_path, "setsid sleep 1000 & timeout 999 sleep 1000 & echo up; read word; $word")
    project.test("a", "true\n", "up")
    project.test("b", "wait\n", "up")
    process = start(project, traces)
    wait_until(lambda: (tmp_path / "answers" / "b.ans").exists() and project.answer("b"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    all_is_gone(traces)
    assert subprocess.run(
        [sys.executable, *PROGRAMS["bayou test"], "a"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, env=traces.environment, check=False, timeout=20,
    ).returncode == 0  # fmt: skip
    all_is_gone(traces)


def test_a_terminal_that_is_closed(tmp_path: Path, traces: Traces) -> None:
    """Whoever closes the window hangs up, and nothing can be told any more."""
    project = project_that_hangs(tmp_path)
    child = pexpect.spawn(
        sys.executable, [*PROGRAMS["bayou test"], "-y", "-j", "3"], cwd=str(tmp_path), encoding="utf-8",
        timeout=20, env=traces.environment,
    )  # fmt: skip
    wait_for_nodes(project, traces, 3)
    assert child.pid is not None
    os.close(child.child_fd)
    child.closed = True
    _, status = os.waitpid(child.pid, 0)
    all_is_gone(traces)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_in_pytest(tmp_path: Path, traces: Traces, times: int) -> None:
    """The plugin leaves nothing behind either."""
    project = project_that_hangs(tmp_path)
    child = pexpect.spawn(
        sys.executable, ["-m", "pytest", "-p", "no:cacheprovider", "--bayou", "-v", "--color=no", "tests"],
        cwd=str(tmp_path), encoding="utf-8", timeout=20, env=traces.environment,
    )  # fmt: skip
    child.expect_exact("a-passes PASSED")
    wait_for_nodes(project, traces, 1)
    for _ in range(times):
        child.sendintr()
    child.expect_exact("KeyboardInterrupt")
    child.expect(pexpect.EOF)
    child.close()
    all_is_gone(traces)
    assert child.exitstatus != 0


def test_signals_that_are_ignored_stay_ignored(tmp_path: Path, traces: Traces) -> None:
    """As with nohup: the run goes on to its end."""
    project = Project(tmp_path, "touch begun; until [ -e release ]; do sleep 0.01; done; echo done")
    project.test("a", "", "done")
    process = subprocess.Popen(
        ["nohup", sys.executable, *PROGRAMS["bayou test"]], cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=traces.environment,
    )  # fmt: skip
    wait_until((tmp_path / "begun").exists)
    process.send_signal(signal.SIGHUP)
    (tmp_path / "release").touch()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert b"1 of 1 passed" in out


def test_nobody_reads_what_it_tells(tmp_path: Path, traces: Traces) -> None:
    """Where the output has been stuck in a full pipe, a signal ends the run all the same."""
    lines = "".join(f"{number:0100}\n" for number in range(50))
    project = Project(tmp_path, "cat; mkdir a.begun 2>/dev/null || exec sleep 1000")
    project.test("a", lines * 40, lines.replace("0", "1") * 40)
    for number in range(30):
        project.test(f"b{number}", "", "")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b" " * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = subprocess.Popen(
        [sys.executable, *PROGRAMS["bayou test"], "-j", "2"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=writer, stderr=subprocess.DEVNULL, env=traces.environment,
    )  # fmt: skip
    os.close(writer)
    try:
        wait_until(lambda: len(traces.alive()) >= 2 and (tmp_path / "a.begun").exists())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        all_is_gone(traces)
    finally:
        os.close(reader)


def test_a_run_that_is_interrupted_leaves_no_answer_to_be_blessed(tmp_path: Path, traces: Traces) -> None:
    """What the test printed before it was cut off is not what it prints."""
    project = Project(tmp_path, "echo begun; [ -e quick ] || exec sleep 1000; echo done")
    project.test("a", "", "something else")
    (tmp_path / "quick").touch()
    assert project.run().returncode == 1
    (tmp_path / "quick").unlink()
    process = start(project, traces)
    wait_until(lambda: project.answer("a") == "begun\n")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    done = project.run("--bless", "a")
    assert done.returncode == 1
    assert "answers/a.ans is not what a ended with when it last ran to its end" in done.stderr
    assert "tester.py a" in done.stderr
    assert project.solution("a") == "something else"
