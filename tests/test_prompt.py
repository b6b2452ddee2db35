"""The prompt, as a person meets it: through a terminal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from bayou.families.overview import owned_commands
from bayou.families.vocabulary import all_commands
from bayou.master.helping import PROMPT_COMMANDS, describe, list_all
from bayou.master.language import COMMANDS
from tests.processes import run_master, wait_until
from tests.terminal import Terminal

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

TAB, UP, HOME, LEFT = "\t", "\x1b[A", "\x01", "\x1b[D"


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
    assert "nothing has been started yet: help lists the commands" in terminal.say("status")
    terminal.say("start")
    assert terminal.say("status").splitlines()[1:] == [
        "running in lock-step",
        "no server has joined yet: joinServer 0",
    ]


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


@pytest.mark.parametrize("keys", ["\x03\x04", "\x04\x03", "\x03\x03\x04", "x\x03\x04", "\x03\x04\x04"])
def test_ctrl_c_and_ctrl_d_in_one_burst(state: Path, keys: str) -> None:
    """As from a paste: it ends, or goes on as after Ctrl-C; no traceback, no hang."""
    for _ in range(12):
        terminal = Terminal(state)
        terminal.say("joinServer 0")
        terminal.child.send(keys)
        if terminal.child.expect_exact(["bayou> ", pexpect.EOF]) == 0:
            shown = str(terminal.child.before)
            # Perhaps more of the keys is still to come, so that this end comes by itself.
            terminal.child.sendeof()
            terminal.child.expect(pexpect.EOF)
            shown += str(terminal.child.before)
        else:
            shown = str(terminal.child.before)
        terminal.child.close()
        assert "Traceback" not in shown
        assert "rror" not in shown
        assert (terminal.child.exitstatus, terminal.child.signalstatus) == (0, None), shown


def test_ctrl_c_and_ctrl_d_in_one_burst_during_a_command(terminal: Terminal) -> None:
    terminal.say("joinServer 0", "joinClient 1 0")
    stopped = terminal.stop("bayou server 0")
    terminal.child.sendline("get 1 a")
    terminal.child.expect_exact("get 1 a\r\n")
    terminal.child.send("\x03\x04")
    if terminal.child.expect_exact(["bayou> ", pexpect.EOF]) == 0:
        terminal.go_on(stopped)
        terminal.say("")
        assert terminal.end() == 0
    else:
        assert "Traceback" not in str(terminal.child.before)


@pytest.mark.parametrize("word", ["quit", "exit"])
def test_quit_and_exit_end_it(terminal: Terminal, word: str) -> None:
    terminal.say("joinServer 0")
    pid = terminal.pid_of("bayou server 0")
    terminal.child.sendline(word)
    assert terminal.wait() == 0
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 1.0)


def test_quit_is_no_command_of_a_file(terminal: Terminal, tmp_path: Path) -> None:
    """Neither are the other commands for people, not even in a file that a prompt includes."""
    path = tmp_path / "quits.inc"
    path.write_text("joinServer 0\nquit\nexit\nstatus\n")
    shown = terminal.say(f"include {path}")
    for number, word in ((2, "quit"), (3, "exit"), (4, "status")):
        assert f"quits.inc:{number}: {word}: unknown command '{word}'" in shown
    terminal.see("server 0, the primary: 0 committed, 0 tentative, connected to nobody")
    done = run_master("joinServer 0\nquit\njoinClient 1 0\nget 1 a\n")
    assert (done.returncode, done.stdout) == (0, b"a:ERR_KEY\n")
    assert b"unknown command 'quit'" in done.stderr


GROUPS = (
    "system", "connections", "anti-entropy", "store", "general writes", "what is kept", "faults", "files",
    "the commit group", "language", "prompt",
)  # fmt: skip
"""The headings under which ``help`` lists the commands of a store's scenario, in this order."""


@pytest.mark.parametrize("columns", [40, 80, 131])
def test_help_comes_in_groups_and_fits_the_terminal(state: Path, columns: int) -> None:
    terminal = Terminal(state, columns=columns)
    lines = terminal.say("help").splitlines()[1:]
    assert max(map(len, lines)) <= columns
    names = (*all_commands(COMMANDS), "quit", "help")
    assert all(sum(line.split()[:1] == [name] for line in lines) >= 1 for name in names)
    terminal.say("joinServer 0")
    lines = terminal.say("help").splitlines()[1:]
    assert max(map(len, lines)) <= columns
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == [f"{group}:" for group in GROUPS]
    explained = terminal.say("help restartServer").splitlines()[1:]
    assert max(map(len, explained)) <= columns
    assert "restartServer 2" in " ".join(explained)
    assert terminal.end() == 0


def test_help_fits_whatever_is_a_terminal() -> None:
    everything = owned_commands({**COMMANDS, **PROMPT_COMMANDS})
    for width in range(2, 200):
        lines = [*list_all(everything, width)]
        for owned in everything:
            lines += describe(owned, width, is_one_of_several=True)
        assert max(map(len, lines)) <= width


def test_status_shows_who_has_crashed(terminal: Terminal) -> None:
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 1", "crashServer 1")
    terminal.see(
        "server 0, the primary: 1 committed, 0 tentative, connected to nobody",
        "server 1: crashed",
        "client 8: at server 1, which has crashed",
    )


def test_an_expectation_typed_by_hand_is_no_failure_of_the_session(terminal: Terminal) -> None:
    terminal.say("joinServer 0", "joinClient 1 0", "get 1 a")
    assert "expected 'a:b', but <stdin>:3, get 1 a, printed 'a:ERR_KEY'" in terminal.say("expect a:b")
    assert terminal.end() == 0
