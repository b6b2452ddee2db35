"""The prompt, as a person meets it: through a terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.processes import run_master, wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

TAB, UP, HOME, LEFT = "\t", "\x1b[A", "\x01", "\x1b[D"


class Terminal:
    """A master at a terminal."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "bayou.master", *arguments],
            encoding="utf-8",
            timeout=20,
            dimensions=(50, 200),
            env={**os.environ, "XDG_STATE_HOME": str(state), "TERM": "dumb", "INPUTRC": "/dev/null"},
        )
        self.ready()

    def ready(self) -> str:
        """Wait for the prompt and return what came before it."""
        self.child.expect_exact("bayou> ")
        return str(self.child.before)

    def say(self, line: str) -> str:
        """Give a command and return what it shows, its echo included."""
        self.child.sendline(line)
        if line.isprintable() and line:
            self.child.expect_exact(line)
        return self.ready()

    def interrupt_at_prompt(self) -> None:
        """Press Ctrl-C at the prompt."""
        self.child.sendintr()
        self.child.expect_exact("(Ctrl-C again, or Ctrl-D, ends the run)")
        self.ready()

    def pid_of(self, name: str) -> int:
        """Return the process with that name among those of this run."""
        found: list[int] = []

        def look() -> bool:
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                        if session == self.child.pid and (entry / "comm").read_text().strip() == name:
                            found.append(int(entry.name))
                    except OSError:
                        continue
            return bool(found)

        wait_until(look)
        return found[0]

    def end(self) -> int | None:
        self.child.sendeof()
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def terminal(state: Path) -> Iterator[Terminal]:
    made = Terminal(state)
    yield made
    made.child.close(force=True)


def test_commands_are_carried_out_as_they_come(terminal: Terminal) -> None:
    terminal.say("joinServer 0")
    terminal.say("joinClient 1 0")
    terminal.say("put 1 a b")
    assert terminal.say("get 1 a").splitlines()[1] == "a:b"
    assert terminal.end() == 0


def test_an_error_does_not_end_it(terminal: Terminal) -> None:
    assert "unknown command 'joinServr': did you mean joinServer?" in terminal.say("joinServr 0")
    terminal.say("joinServer 0")
    terminal.say("joinClient 1 0")
    os.kill(terminal.pid_of("bayou client 1"), signal.SIGKILL)
    assert "client 1 has ended by itself, killed by signal 9" in terminal.say("get 1 a")
    assert "nobody has the id 1 now" in terminal.say("get 1 a")
    terminal.say("joinClient 1 0")
    assert "a:ERR_KEY" in terminal.say("get 1 a")
    assert terminal.end() == 0


def test_lines_can_be_edited(terminal: Terminal) -> None:
    terminal.child.send(f"oinServer 1{HOME}j")
    terminal.child.send("\x05")  # to the end of the line
    terminal.child.send(f"7{LEFT}\x7f")  # one to the left, and the digit before goes
    terminal.child.sendline("")
    expected = "server 7, the primary: 0 committed, 0 tentative, connected to nobody"
    wait_until(lambda: expected in terminal.say("status"))


def test_commands_and_living_ids_are_completed(terminal: Terminal) -> None:
    terminal.say(f"joinS{TAB}41")
    terminal.say(f"joinC{TAB}52 {TAB}")
    terminal.child.send(f"pu{TAB}{TAB}")
    terminal.child.expect_exact("put 52 ")
    terminal.say("a b")
    assert "PUT:(a, b):TRUE" in terminal.say(f"printL{TAB}{TAB}")
    assert "gives a song a URL" in terminal.say(f"help pu{TAB}")


def test_the_history_is_kept_between_runs(state: Path) -> None:
    first = Terminal(state)
    first.say("joinServer 0")
    first.say("joinClient 31 0")
    assert first.end() == 0
    second = Terminal(state)
    second.say(f"{UP}{UP}")
    second.say(UP * 2)
    assert "client 31: at server 0" in second.say("status")
    assert second.end() == 0
    assert (state / "bayou" / "history").exists()


def test_ctrl_c_gives_up_a_hanging_command_and_keeps_the_system(terminal: Terminal) -> None:
    for line in ("joinServer 0", "joinServer 1", "joinClient 2 0", "joinClient 3 1", "put 2 a b"):
        terminal.say(line)
    stopped = terminal.pid_of("bayou server 1")
    os.kill(stopped, signal.SIGSTOP)
    for line in ("put 2 a c", "get 3 a"):
        terminal.child.sendline(line)
        terminal.child.expect_exact(line)
        terminal.child.sendintr()
        assert "given up; the system goes on" in terminal.ready()
    assert "its last request is still under way" in terminal.say("get 3 a")
    os.kill(stopped, signal.SIGCONT)
    terminal.say("put 2 a d")
    assert "a:d" in terminal.say("get 3 a")
    assert terminal.say("printLog 1").splitlines()[1:4] == [
        "PUT:(a, b):TRUE", "PUT:(a, c):TRUE", "PUT:(a, d):TRUE",
    ]  # fmt: skip
    assert terminal.end() == 0


def test_joining_and_retiring_can_be_given_up(terminal: Terminal) -> None:
    for line in ("joinServer 0", "joinServer 1"):
        terminal.say(line)
    stopped = terminal.pid_of("bayou server 0")
    os.kill(stopped, signal.SIGSTOP)
    for line in ("joinServer 5", "retireServer 1"):
        terminal.child.sendline(line)
        terminal.child.expect_exact(line)
        terminal.child.sendintr()
        assert "given up; the system goes on" in terminal.ready()
    os.kill(stopped, signal.SIGCONT)
    wait_until(lambda: "server 1:" not in terminal.say("status"))
    assert "server 5" not in terminal.say("status")
    terminal.say("joinServer 5")
    assert "connected to 0" in terminal.say("status")
    assert terminal.end() == 0


def test_a_deadline_does_not_end_it_either(state: Path) -> None:
    terminal = Terminal(state, "--deadline", "0.5")
    for line in ("joinServer 0", "joinClient 2 0"):
        terminal.say(line)
    stopped = terminal.pid_of("bayou server 0")
    os.kill(stopped, signal.SIGSTOP)
    shown = terminal.say("get 2 a")
    assert "not done within 0.5 s" in shown
    assert "client 2 waits for server 0 to answer" in shown
    assert f"server 0 does not respond (process {stopped})" in shown
    os.kill(stopped, signal.SIGCONT)
    assert terminal.end() == 0


def test_ctrl_c_twice_ends_it(terminal: Terminal) -> None:
    terminal.say("joinServer 0")
    terminal.child.send("joinServ")
    terminal.child.expect_exact("joinServ")  # Ctrl-C throws away what nobody has read yet
    terminal.interrupt_at_prompt()
    terminal.say("joinServer 1")
    pids = [terminal.pid_of(f"bayou server {server}") for server in (0, 1)]
    terminal.interrupt_at_prompt()
    terminal.child.sendintr()
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
    assert terminal.child.exitstatus == 0
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 1.0)


def test_help_and_status_of_an_empty_system(terminal: Terminal) -> None:
    listed = terminal.say("help")
    for usage in ("joinServer id", "include FILE", "expect [TEXT]", "help [COMMAND]", "status"):
        assert usage in listed
    assert "there is no command 'nonsense'" in terminal.say("help nonsense")
    assert "no server has joined yet: joinServer 0" in terminal.say("status")


def test_status_tells_of_clients_and_of_a_pause(terminal: Terminal) -> None:
    for line in ("joinServer 0", "joinServer 1", "joinClient 8 1", "joinClient 9 0", "pause", "put 8 a b"):
        terminal.say(line)
    terminal.say("breakConnection 9 0")
    assert terminal.say("status").splitlines()[1:] == [
        "paused: no anti-entropy",
        "server 0, the primary: 1 committed, 0 tentative, connected to 1",
        "server 1: 1 committed, 1 tentative, connected to 0",
        "client 8: at server 1",
        "client 9: has no server",
    ]


def test_piped_input_sees_none_of_it() -> None:
    done = run_master("joinServer 0\nhelp\nstatus\n")
    assert done.stdout == b""
    assert b"unknown command 'help'" in done.stderr
