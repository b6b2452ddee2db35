"""Part 2: lines that are off, streams, and how a run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.behaviour.scenarios import PAIR, TRIO, complaints, printed, text
from tests.processes import Master, is_listening, run_master, wait_until
from tests.simulated import simulate

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

CUT_OFF = "joinServer 0; joinClient 1 0; joinClient 2 0; breakConnection 2 0; put 1 a b; "
"""A server, a client of it, and client 2, which has no server."""


def started() -> Master:
    """Return a master with two servers and a client, all of them up."""
    master = Master()
    master.say("joinServer 0", "joinServer 1", "joinClient 2 1")
    assert master.ask("get 2 a") == "a:ERR_KEY"
    return master


# What is off.


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("frobnicate 1", "unknown command"),
        ("joinserver 7", "unknown command"),
        ("put 1 a", "too few fields"),
        ("joinServer", "too few fields"),
        ("joinServer one", "no integer"),
        ("joinServer 1.5", "no integer"),
        ("joinServer +7", "no integer"),
        ("joinServer \u0667", "no integer"),
        ("get 77 a", "77"),
        ("printLog 77", "77"),
        ("printLog 1", "client"),
        ("get 0 a", "server"),
        ("joinClient 7 1", "client"),
        ("joinServer 0", "in use"),
        ("joinServer 1", "in use"),
        ("joinClient 1 0", "in use"),
        ("joinClient 0 0", "in use"),
        ("get 2 a", "no server"),
        ("put 2 c d", "no server"),
        ("delete 2 a", "no server"),
        ("retireServer 0", "no other server"),
    ],
)
def test_part2_a_line_that_is_off_is_skipped_and_told_about(line: str, why: str) -> None:
    """A line that can't be carried out prints nothing, changes nothing, and is told on standard error."""
    done = simulate(text(f"{CUT_OFF}{line}; get 1 a; printLog 0").encode(), check=True)
    assert done.out == b"a:b\nPUT:(a, b):TRUE\n"
    (told,) = done.errors
    assert told.startswith(f"<stdin>:6: {line}: ")
    assert why in told


@pytest.mark.processes
def test_part2_the_message_names_file_line_command_and_reason(tmp_path: Path) -> None:
    """What is said of a line that is off begins with its file and number, then come line and reason."""
    path = tmp_path / "odd.test"
    path.write_text("joinServer 0\n\nprintLog 4\njoinClient 1 0\nget 1 a\n")
    done = run_master("", str(path))
    assert (done.returncode, done.stdout) == (0, b"a:ERR_KEY\n")
    (told,) = done.stderr.decode().splitlines()
    assert told.startswith(f"{path}:3: printLog 4: ")
    assert "4" in told.removeprefix(f"{path}:3: printLog 4: ")


def test_part2_servers_and_clients_share_their_ids() -> None:
    """An id that a client has is none for a server, and the other way round."""
    told = complaints("joinServer 0; joinClient 1 0; joinServer 1; joinClient 0 0; joinServer 2")
    assert [line.split(":")[1] for line in told] == ["3", "4"]


@pytest.mark.parametrize("line", ["get 1 a surplus", "printLog 0 1 2"])
def test_part2_extra_fields_are_ignored_and_told_about(line: str) -> None:
    """A line with fields too many is carried out without them, and a line on standard error says so."""
    done = simulate(text(CUT_OFF + line).encode())
    assert done.out == (b"a:b\n" if line.startswith("get") else b"PUT:(a, b):TRUE\n")
    assert len(done.errors) == 1
    assert done.errors[0].startswith(f"<stdin>:6: {line}: ")


@pytest.mark.parametrize("odd", ["", "  \t ", "   get 1 a", "get 1 a  \t"])
def test_part2_empty_lines_and_outer_blanks_are_fine(odd: str) -> None:
    """Empty lines, and blanks before and after a command, make no difference."""
    done = simulate(f"joinServer 0\njoinClient 1 0\n{odd}\nget 1 b\n".encode())
    assert (done.out.splitlines()[-1], done.errors) == (b"b:ERR_KEY", [])
    assert len(done.out.splitlines()) == 1 + ("get" in odd)


@pytest.mark.processes
def test_part2_crlf_line_ends_and_a_missing_last_newline_are_fine() -> None:
    """A file with CR LF line ends whose last line is not ended reads as any other."""
    done = run_master(b"joinServer 0\r\njoinClient 1 0\r\nput 1 a b\r\n\r\nget 1 a")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a:b\n", b"")


@pytest.mark.parametrize("comment", ["# get 1 a", "#get 1 a", "// get 1 a", "//get 1 a", "#", "//"])
def test_part2_comments_are_passed_over(comment: str) -> None:
    """A line that begins with # or // is a comment."""
    done = simulate(text(f"joinServer 0; joinClient 1 0; {comment}; get 1 b").encode(), strict=True)
    assert (done.out, done.errors) == (b"b:ERR_KEY\n", [])


@pytest.mark.parametrize("off", ["frobnicate", "get 7 a", "joinServer 5 extra"])
def test_part2_strict_makes_the_first_line_that_is_off_fatal(off: str) -> None:
    """With --strict the first line that is off ends the run with status 2, extra fields included."""
    done = run_master(
        text(f"joinServer 0; joinClient 1 0; get 1 a; {off}; get 1 b"), "--strict", "--world", "sim"
    )
    assert (done.returncode, done.stdout) == (2, b"a:ERR_KEY\n")
    assert done.stderr.startswith(b"<stdin>:4: ")


def test_part2_without_strict_the_exit_status_stays_zero() -> None:
    """However many lines are off, the run ends with status 0."""
    done = run_master("nonsense\n\nput\nget 1 a\n", "--world", "sim")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (0, b"", 3)


@pytest.mark.parametrize(
    "fine",
    [
        "breakConnection 0 1; breakConnection 1 0",
        "restoreConnection 0 1; restoreConnection 8 0",
        "pause; stabilize",
        "pause; put 8 a b; restoreConnection 8 1; put 8 c d",
    ],
)
def test_part2_what_is_done_already_is_no_error(fine: str) -> None:
    """To break what is broken, mend what is whole, stabilize while paused or lose a write is no error."""
    done = simulate(text(PAIR + fine).encode(), strict=True)
    assert (done.out, done.errors) == (b"", [])


# Retired ids.


def test_part2_a_retired_id_is_unknown() -> None:
    """Nobody has the id of a server that has retired, so commands that name it are skipped."""
    told = complaints(
        PAIR + "retireServer 1; printLog 1; breakConnection 0 1; joinClient 5 1; retireServer 1"
    )
    assert [line.split(":")[1] for line in told] == ["6", "7", "8", "9"]


def test_part2_a_retired_id_that_joins_again_is_a_new_server() -> None:
    """A server that joins under a retired id is connected to all servers and has what its creator has."""
    steps = "put 9 a b; retireServer 2; put 8 c d; joinServer 2; joinClient 5 2; printLog 2; put 5 e f; "
    assert printed(TRIO + steps + "get 7 e; get 8 e") == ["PUT:(a, b):TRUE", "PUT:(c, d):TRUE", "e:f", "e:f"]


def test_part2_clients_of_a_retired_server_have_no_server() -> None:
    """Until they are connected again, clients of a retired server are skipped, even once its id is back."""
    told = complaints(PAIR + "put 9 a b; retireServer 1; get 9 a; joinServer 1; get 9 a; put 9 a c")
    assert [line.split(":")[1] for line in told] == ["7", "9", "10"]
    assert all("client 9 has no server" in line for line in told)
    for server in (0, 1):
        again = f"put 9 a b; retireServer 1; joinServer 1; restoreConnection 9 {server}; get 9 a"
        assert printed(PAIR + again) == ["a:b"]


# Streams.


@pytest.mark.processes
def test_part2_nothing_but_answers_goes_to_standard_output() -> None:
    """A run without get and printLog prints nothing, whatever happens in it."""
    steps = "put 8 a b; delete 9 a; pause; start; stabilize; breakConnection 0 1; restoreConnection 0 1"
    done = run_master(text(PAIR + steps + "; nonsense; retireServer 0; joinServer 0"))
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.processes
def test_part2_at_a_terminal_there_is_a_prompt(tmp_path: Path) -> None:
    """Where standard input is a terminal the master shows a prompt."""
    child = pexpect.spawn(
        sys.executable, ["-m", "bayou.master"], encoding="utf-8", timeout=20,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    child.expect_exact("bayou> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.processes
def test_part2_no_files_are_left_behind(tmp_path: Path) -> None:
    """A run writes no log files unless it is asked to."""
    scenario = text(PAIR + "put 8 a b; retireServer 0; nonsense").encode()
    subprocess.run(
        [sys.executable, "-m", "bayou.master"], input=scenario,
        cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.processes
@linux
def test_part2_whoever_closes_standard_output_ends_the_run_quietly() -> None:
    """When nobody reads any more the run ends, without a word on standard error."""
    with started() as master:
        assert master.process.stdout is not None
        assert master.process.stderr is not None
        master.process.stdout.close()
        master.say("get 2 a")
        master.process.wait(20)
        assert master.process.stderr.read() == b""
        wait_until(lambda: not master.family(), 1.0)


@pytest.mark.processes
def test_part2_bytes_that_are_no_utf8_go_through_unchanged() -> None:
    """Songs and URLs may hold any bytes but blanks, and come out as they went in."""
    song, url = b"caf\xe9\xff\x80", b"\xc3(\xa0\xa1\xed\xa0\x80"
    done = run_master(
        b"joinServer 0\njoinServer 1\njoinClient 9 1\nput 9 "
        + song
        + b" "
        + url
        + b"\nget 9 "
        + song
        + b"\nprintLog 0\n"
    )
    assert (done.stdout, done.stderr) == (
        song + b":" + url + b"\nPUT:(" + song + b", " + url + b"):TRUE\n",
        b"",
    )


# The end of a run.


@pytest.mark.processes
@linux
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_part2_a_signal_ends_every_process_within_a_second(ending: str) -> None:
    """After SIGINT, SIGTERM or SIGKILL of the master no process is left after a second, and no port bound."""
    with started() as master:
        ports = master.ports()
        assert len(ports) == 2
        assert all(is_listening(port) for port in ports)
        master.process.send_signal(signal.Signals[ending])
        wait_until(lambda: not master.family(), 1.0)
        assert not any(is_listening(port) for port in ports)


@pytest.mark.processes
@linux
def test_part2_the_end_of_input_ends_every_process() -> None:
    """When the scenario is over the run ends with status 0, and no process and no port is left."""
    with started() as master:
        ports = master.ports()
        assert len(ports) == 2
        assert master.end() == (0, "", "")
        wait_until(lambda: not master.family(), 1.0)
        assert not any(is_listening(port) for port in ports)


@pytest.mark.processes
@linux
def test_part2_an_error_ends_every_process() -> None:
    """When a run fails, here because a server died, nothing that it started is left."""
    with started() as master:
        ports = master.ports()
        os.kill(master.pid_of("bayou server 0"), signal.SIGKILL)
        master.say("get 2 a", "put 2 a b")
        status, _, told = master.end()
        assert status != 0
        assert "server 0" in told
        wait_until(lambda: not master.family(), 1.0)
        assert not any(is_listening(port) for port in ports)


@pytest.mark.processes
@linux
def test_part2_two_masters_do_not_disturb_each_other() -> None:
    """Two runs with the same ids go on side by side, and the end of one is nothing to the other."""
    with started() as one, started() as other:
        one.say("put 2 a one")
        other.say("put 2 a other")
        assert (one.ask("get 2 a"), other.ask("get 2 a")) == ("a:one", "a:other")
        assert one.end() == (0, "", "")
        assert other.ask("get 2 a") == "a:other"
        assert other.end() == (0, "", "")
