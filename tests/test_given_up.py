"""Commands that were given up half way at the prompt: the master's map and the world agree again, and what
comes of them later is told."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from bayou.master.helping import PROMPT_COMMANDS
from bayou.master.language import COMMANDS
from bayou.master.prompt import Prompt
from bayou.master.run import Run, RunSettings
from bayou.node.messages import Pause
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import GivenUp, WorldSettings
from tests.processes import wait_until
from tests.simulated import system_of
from tests.terminal import Terminal

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "state")
    yield made
    made.child.close(force=True)


def server(number: int, connected: str, *, role: str = "", csn: int = 1, tentative: int = 0) -> str:
    """The line that ``status`` shows of a server."""
    role = ", the primary" if number == 0 and not role else role
    return f"server {number}{role}: {csn} committed, {tentative} tentative, connected to {connected}"


def test_cutting_a_connection(terminal: Terminal) -> None:
    """One end hung up, the other one does so when it can: the map has them apart, and both live on so."""
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0", "joinClient 9 1")
    stopped = terminal.stop("bayou server 1")
    terminal.give_up("breakConnection 0 1")
    terminal.see(server(0, "nobody"), f"server 1: does not respond (process {stopped})")
    terminal.go_on(stopped)
    terminal.see(server(0, "nobody"), server(1, "nobody"))
    terminal.say("put 8 a b")
    assert "a:ERR_KEY" in terminal.say("get 9 a")
    terminal.say("restoreConnection 0 1")
    assert "a:b" in terminal.say("get 9 a")
    terminal.see(server(0, "1", csn=2), server(1, "0", csn=2))
    assert terminal.end() == 0


@pytest.mark.parametrize("line", ["restoreConnection 0 1", "restoreConnection 1 0"])
def test_mending_a_connection(terminal: Terminal, line: str) -> None:
    """It comes up later, and then the map has it, whichever end dials."""
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0", "joinClient 9 1", "breakConnection 0 1")
    terminal.say("put 8 a b")
    stopped = terminal.stop("bayou server 1")
    terminal.give_up(line)
    terminal.say("status")
    terminal.go_on(stopped)
    terminal.see(server(0, "1", csn=2), server(1, "0"))
    terminal.say("stabilize")
    assert "a:b" in terminal.say("get 9 a")
    assert terminal.end() == 0


def test_mending_and_then_cutting_a_connection(terminal: Terminal) -> None:
    """The command that undoes it is carried out although the map had it undone."""
    terminal.say("joinServer 0", "joinServer 1", "breakConnection 0 1")
    stopped = terminal.stop("bayou server 1")
    terminal.give_up("restoreConnection 0 1")
    terminal.give_up("breakConnection 0 1")
    terminal.go_on(stopped)
    terminal.say("breakConnection 0 1")
    terminal.see(server(0, "nobody"), server(1, "nobody"))
    assert terminal.end() == 0


def test_a_deadline_is_like_giving_up(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "state", "--deadline", "0.5")
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0")
    stopped = terminal.stop("bayou server 1")
    assert "not done within 0.5 s" in terminal.say("breakConnection 0 1")
    assert "not done within 0.5 s" in terminal.say("pause")
    terminal.go_on(stopped)
    terminal.see("paused: no anti-entropy", server(0, "nobody"), server(1, "nobody"))
    terminal.say("restoreConnection 1 0", "start", "put 8 a b")
    assert "PUT:(a, b):TRUE" in terminal.say("printLog 1")
    assert terminal.end() == 0


def test_moving_a_client_from_a_server_that_hangs(terminal: Terminal) -> None:
    """The old server is cut off, the new one not yet dialled: the client has none."""
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0")
    stopped = terminal.stop("bayou server 0")
    terminal.give_up("restoreConnection 8 1")
    terminal.see("client 8: has no server")
    assert "client 8 has no server" in terminal.say("get 8 a")
    terminal.say("restoreConnection 8 1")
    assert "a:ERR_KEY" in terminal.say("get 8 a")
    terminal.go_on(stopped)
    terminal.see("client 8: at server 1", server(0, "1"), server(1, "0"))
    assert terminal.end() == 0


def test_moving_a_client_to_a_server_that_hangs(terminal: Terminal) -> None:
    """It arrives when that server goes on."""
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0", "breakConnection 8 0")
    stopped = terminal.stop("bayou server 1")
    terminal.give_up("restoreConnection 8 1")
    terminal.see("client 8: connecting to server 1")
    terminal.go_on(stopped)
    terminal.see("client 8: at server 1")
    assert "a:ERR_KEY" in terminal.say("get 8 a")
    assert terminal.end() == 0


def test_a_client_that_hangs_itself(terminal: Terminal) -> None:
    terminal.say("joinServer 0", "joinClient 8 0")
    stopped = terminal.stop("bayou client 8")
    terminal.give_up("breakConnection 8 0")
    terminal.see(f"client 8: does not respond (process {stopped})")
    terminal.go_on(stopped)
    terminal.see("client 8: has no server")
    stopped = terminal.stop("bayou client 8")
    terminal.give_up("restoreConnection 8 0")
    terminal.go_on(stopped)
    terminal.see("client 8: at server 0")
    assert terminal.end() == 0


def test_joining_a_client(terminal: Terminal) -> None:
    """It is ended, and its id is free."""
    terminal.say("joinServer 0")
    stopped = terminal.stop("bayou server 0")
    terminal.give_up("joinClient 8 0")
    terminal.go_on(stopped)
    assert "nobody has the id 8 now" in terminal.say("get 8 a")
    terminal.say("joinClient 8 0")
    assert "a:ERR_KEY" in terminal.say("get 8 a")
    assert terminal.end() == 0


def test_pausing_and_starting(terminal: Terminal) -> None:
    """The order reaches whoever hangs in the end: what the servers say of themselves is what counts."""
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0", "joinClient 9 1")
    stopped = terminal.stop("bayou server 1")
    terminal.give_up("pause")
    terminal.go_on(stopped)
    terminal.see("paused: no anti-entropy", server(1, "0"))
    terminal.say("put 8 a b")
    assert "a:ERR_KEY" in terminal.say("get 9 a")
    stopped = terminal.stop("bayou server 1")
    terminal.give_up("start")
    terminal.go_on(stopped)
    terminal.see("running in lock-step", server(1, "0"))
    terminal.say("start")
    assert "a:b" in terminal.say("get 9 a")
    assert terminal.end() == 0


def test_a_partition_and_its_healing(tmp_path: Path) -> None:
    """Ended by a deadline, which unlike a key comes for sure when it waits for the server that hangs."""
    terminal = Terminal(tmp_path / "state", "--deadline", "1")
    terminal.say("joinServer 0", "joinServer 1", "joinServer 2", "joinClient 8 0")
    stopped = terminal.stop("bayou server 2")
    assert "not done within 1 s" in terminal.say("partition 0 | 1 | 2")
    terminal.go_on(stopped)
    terminal.see(server(0, "nobody", csn=2), server(1, "2", csn=2), server(2, "1", csn=2))
    terminal.say("partition 0 | 1 | 2")
    terminal.see(server(0, "nobody", csn=2), server(1, "nobody", csn=2), server(2, "nobody", csn=2))
    stopped = terminal.stop("bayou server 2")
    assert "not done within 1 s" in terminal.say("heal")
    terminal.go_on(stopped)
    terminal.say("heal", "put 8 a b")
    terminal.see(server(0, "1 2", csn=3), server(1, "0 2", csn=3), server(2, "0 1", csn=3))
    assert terminal.end() == 0


def test_what_comes_of_a_request_later(terminal: Terminal) -> None:
    """It is told in one line when it is known, and what was written spreads with the next command."""
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0", "joinClient 9 1")
    for line, outcome in (
        ("put 8 a b", "carried out"),
        ("get 8 a", "a:b"),
        ("delete 8 a", "carried out"),
        ("get 8 a", "a:ERR_KEY"),
    ):
        stopped = terminal.stop("bayou server 0")
        terminal.give_up(line)
        assert "its last request is still under way" in terminal.say("get 8 a")
        terminal.go_on(stopped)
        assert terminal.hear(f"{line}, given up before: ") == [f"{line}, given up before: {outcome}"]
    terminal.say("stabilize")
    assert [line for line in terminal.say("printLog 1").splitlines() if ":(" in line] == [
        "PUT:(a, b):TRUE",
        "DELETE:(a):TRUE",
    ]
    assert terminal.end() == 0


def test_a_request_whose_outcome_nobody_will_know(terminal: Terminal) -> None:
    terminal.say("joinServer 0", "joinServer 1", "joinClient 8 0")
    terminal.stop("bayou server 0")
    terminal.give_up("put 8 a b")
    terminal.give_up("breakConnection 8 0")
    shown = terminal.say("restoreConnection 8 1")
    shown += terminal.say("# nothing")
    assert shown.count("put 8 a b, given up before: server 0 may or may not have carried it out") == 1
    assert "a:ERR_KEY" in terminal.say("get 8 a")
    assert terminal.end() == 0


# In this process, without a terminal.


class Session:
    """A prompt in a world of our choice."""

    def __init__(self, world: ProcessWorld | SimulatedWorld, *, free_running: bool = False) -> None:
        self.told: list[str] = []
        self.run = Run(
            world,
            COMMANDS,
            RunSettings(free_running=free_running),
            typed={**COMMANDS, **PROMPT_COMMANDS},
            write=lambda data: self.told.extend(data.decode().splitlines()),
            complain=self.told.append,
        )
        self.prompt = Prompt(self.run)

    def say(self, *lines: str) -> list[str]:
        """Give commands and return what was told meanwhile."""
        self.told.clear()
        for line in lines:
            self.prompt.carry_out(1, line)
        return list(self.told)


def test_what_comes_of_a_request_later_in_the_simulated_world() -> None:
    session = Session(SimulatedWorld(), free_running=True)
    session.say("joinServer 0", "joinServer 1", "joinClient 8 0", "joinClient 9 1", "loss 8 0 100")
    assert "not done within 30 s" in session.say("put 8 a b")[-1]
    assert session.say("get 8 a")[-1].endswith("its last request is still under way; skipped")
    assert session.run.world.owing() == [8]
    assert "put 8 a b, given up before: carried out" in session.say("loss 8 0 0", "wait 3000")
    assert session.run.world.owing() == []
    assert session.say("stabilize", "get 9 a") == ["a:b"]
    session.say("loss 0 8 100", "put 8 a c")
    assert session.say("restoreConnection 8 1", "# nothing") == [
        "put 8 a c, given up before: server 0 may or may not have carried it out"
    ]


def test_the_end_of_a_client_whose_request_was_given_up() -> None:
    world = ProcessWorld(WorldSettings(deadline_s=0.3))
    try:
        session = Session(world)
        session.say("joinServer 0", "joinClient 8 0")
        os.kill(world.pids[0], signal.SIGSTOP)
        assert "not done within 0.3 s" in session.say("put 8 a b")[-1]
        assert world.owing() == [8]
        os.kill(world.pids[8], signal.SIGKILL)
        wait_until(lambda: "put 8 a b, given up before: nobody will know, it is gone" in session.say("#"))
        os.kill(world.pids[0], signal.SIGCONT)
        assert world.owing() == []
        assert system_of(session.run).topology.clients == []
    finally:
        world.close()


@pytest.mark.parametrize("line", ["joinClient 8 0", "crashServer 0"])
def test_who_is_to_be_killed_may_be_gone(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A client that has lost its master's channel ends by itself, and its parent may have seen it first."""
    kill = os.kill

    def too_late(pid: int, number: int) -> None:
        kill(pid, number)
        wait_until(lambda: not Path(f"/proc/{pid}").exists())
        kill(pid, number)

    world = ProcessWorld(WorldSettings(deadline_s=0.3))
    try:
        session = Session(world)
        session.say("joinServer 0", "joinServer 1")
        kill(world.pids[0], signal.SIGSTOP)
        monkeypatch.setattr(os, "kill", too_late)
        assert ("not done within 0.3 s" in "".join(session.say(line))) == (line == "joinClient 8 0")
        monkeypatch.undo()
        if line == "joinClient 8 0":
            kill(world.pids[0], signal.SIGCONT)
        session.say("joinClient 8 1")
        assert session.say("get 8 a") == ["a:ERR_KEY"]
    finally:
        world.close()


class Impatient(ProcessWorld):
    """A world in which nobody waits for the end of a server that was told to leave, or killed."""

    def farewell(self, node: int) -> None:
        self._nodes.pop(node, None)
        raise GivenUp("given up")

    def crash(self, server: int) -> None:
        node = self._nodes.pop(server)
        assert node.pid is not None
        os.kill(node.pid, signal.SIGKILL)
        raise GivenUp("given up")


def test_giving_up_at_the_very_end_of_a_server() -> None:
    """It had answered, or was killed, when nobody wanted to wait for its process to end any more."""
    world = Impatient()
    try:
        session = Session(world)
        session.say("joinServer 0", "joinServer 1", "joinServer 2", "joinClient 8 2", "retireServer 1")
        assert session.say("# nothing") == ["server 1 is gone"]
        session.say("crashServer 0")
        assert system_of(session.run).topology.crashed == [0]
        assert session.say("put 8 a b", "printLog 2") == ["PUT:(a, b):FALSE"]
        session.say("joinServer 1")
        assert system_of(session.run).topology.servers == [1, 2]
    finally:
        world.close()


def test_a_pause_that_reached_only_some_servers_is_told_and_mended() -> None:
    world = SimulatedWorld()
    session = Session(world)
    session.say("joinServer 0", "joinServer 1")
    world.ask(1, Pause(paused=True))
    told = session.say("status")
    assert told[0] == "paused in part, by 1 of 0 1: pause or start makes it whole"
    assert session.say("start", "status")[0] == "running in lock-step"


def test_moving_a_client_from_a_server_that_has_crashed() -> None:
    """It arrives at the other one when that goes on, and waits for the crashed one until then."""
    world = ProcessWorld(WorldSettings(deadline_s=30.0))
    before = signal.signal(signal.SIGALRM, lambda *_: world.interrupt())
    try:
        session = Session(world)
        session.say("joinServer 0", "joinServer 1", "joinClient 8 1", "crashServer 1")
        os.kill(world.pids[0], signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 0.3)  # Ctrl-C, so to say
        assert "given up" in session.say("restoreConnection 8 0")[-1]
        assert session.say("status")[-1] == "client 8: at server 1, which has crashed"
        os.kill(world.pids[0], signal.SIGCONT)
        wait_until(lambda: session.say("status")[-1] == "client 8: at server 0")
        assert session.say("get 8 a") == ["a:ERR_KEY"]
    finally:
        signal.signal(signal.SIGALRM, before)
        world.close()


def test_each_request_that_comes_in_the_middle_is_followed_by_another_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where another client still waits for the same server, which so is not at rest."""
    session = Session(SimulatedWorld())
    session.say("joinServer 0", "joinServer 1", "joinClient 8 0", "joinClient 9 0")
    rounds: list[bool] = []
    settle = system_of(session.run).pace.settle

    def counted(changed: Iterable[int], *, after_failure: bool = False) -> None:
        settle(changed, after_failure=after_failure)
        rounds.append(after_failure)

    monkeypatch.setattr(system_of(session.run).pace, "settle", counted)
    monkeypatch.setattr(session.run.world, "owing", lambda: [8, 9][len(rounds[:1]) :])
    system_of(session.run).settle([0])
    assert rounds == [False, True]
