"""Faults as scenario commands: what they do, in which world, and where they are refused."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bayou.node.settings import Habits
from bayou.worlds.processes.host import Host
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.weather import NONE, Faults, Weather
from bayou.worlds.world import WorldSettings
from tests.processes import run_master
from tests.rows import place, text_value
from tests.simulated import server_of, simulate

if TYPE_CHECKING:
    from bayou.machine.messages import Message

THREE = "joinServer 0\njoinServer 1\njoinServer 2\njoinClient 8 0\njoinClient 9 2\n"


def in_both_worlds(text: str, *options: str) -> tuple[bytes, list[str]]:
    """Run on processes and simulated; return what both print, and say on standard error."""
    runs = [run_master(text, "--world", world, *options) for world in ("processes", "sim")]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    return runs[0].stdout, runs[0].stderr.decode().splitlines()


@pytest.mark.processes
@pytest.mark.parametrize("options", [(), ("--free-running",)])
def test_partitions_and_their_healing(options: tuple[str, ...]) -> None:
    text = THREE + (
        "partition 0 1 | 2\nput 8 a x\nput 9 b y\nstabilize\nprintLog 1\nprintLog 2\n"
        "heal\nstabilize\nprintLog 2\n"
    )
    out, said = in_both_worlds(text, *options)
    assert out.decode().splitlines() == [
        "PUT:(a, x):TRUE", "PUT:(b, y):FALSE", "PUT:(a, x):TRUE", "PUT:(b, y):TRUE",
    ]  # fmt: skip
    assert said == []


@pytest.mark.processes
def test_a_crash_leaves_the_others() -> None:
    """The crashed primary takes commitment with it, and what only it had."""
    text = THREE + (
        "pause\nput 8 a lost\nput 9 b kept\ncrashServer 0\nget 8 a\nstart\nstabilize\nprintLog 1\n"
        "printLog 0\njoinServer 0\nretireServer 1\nprintLog 2\n"
    )
    out, said = in_both_worlds(text)
    assert out == b"PUT:(b, kept):FALSE\nPUT:(b, kept):FALSE\n"
    assert [line.split(": ", 2)[2] for line in said] == [
        "its server 0 has crashed: restartServer 0 brings it back; skipped",
        "server 0 has crashed: restartServer 0 brings it back; skipped",
        "the id 0 is in use, by a crashed server; skipped",
    ]


def test_a_restarted_server_has_what_it_had_made_durable() -> None:
    text = THREE + (
        "pause\nput 8 a x\nput 9 b y\ncrashServer 0\ncrashServer 2\nstart\n"
        "printLog 1\nrestartServer 2\nget 9 b\n"
        "printLog 1\nrestartServer 0\nprintLog 1\nget 8 a\n"
    )
    assert simulate(text.encode(), check=True).out.decode().splitlines() == [
        "b:y", "PUT:(b, y):FALSE", "PUT:(a, x):TRUE", "PUT:(b, y):TRUE", "a:x",
    ]  # fmt: skip


def test_a_server_that_was_retiring_goes_on_after_a_crash() -> None:
    """Its retirement write was durable; what it had is handed over after the restart, and it leaves."""
    from bayou.master.language import COMMANDS
    from bayou.master.run import Run, RunSettings
    from bayou.node.messages import Retire
    from bayou.worlds.simulated import SimulatedWorld

    said: list[str] = []
    world = SimulatedWorld(check=True)
    run = Run(world, COMMANDS, RunSettings(), write=lambda _: None, complain=said.append)
    for line in (THREE + "pause\nput 9 b y").splitlines():
        run.line(1, line.encode())
    world.order(2, Retire())
    for line in ("crashServer 2", "restartServer 2", "wait 2000", "start", "stabilize"):
        run.line(2, line.encode())
    run.look_round()
    assert said == ["server 2 has left: its retirement, given up before, is complete"]
    assert server_of(world, 1).replica.get(*place("b")) == text_value("y")


@pytest.mark.processes
def test_messages_lost_late_doubled_and_overtaken_do_no_harm() -> None:
    """Between processes too: the servers come to rest all the same."""
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    faults = [
        f"{fault} {a} {b} {much}"
        for a, b in pairs
        for fault, much in (("loss", 30), ("delay", 20), ("duplicate", 30), ("reorder", 30))
    ]
    puts = [f"put {client} song{number} url" for number in range(3) for client in (8, 9)]
    text = "\n".join([*THREE.splitlines(), *faults, *puts, "stabilize", "calm", "heal", "printLog 1"])
    for world in ("processes", "sim"):
        done = run_master(text.replace("calm\n", ""), "--world", world, "--free-running", "--check")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.decode().splitlines()
        assert len(lines) == 6
        assert all(line.endswith(":TRUE") for line in lines)


@pytest.mark.processes
def test_requests_are_carried_out_once_though_messages_get_lost() -> None:
    """Half of the requests are answered at the first try: the deadline leaves room for all the others."""
    text = THREE + "loss 8 0 30\nloss 0 8 30\nput 8 a x\nput 8 a y\nput 8 a z\nprintLog 0\n"
    done = run_master(text, "--free-running", "--check", "--deadline", "55")
    assert done.stderr == b""
    assert done.stdout == b"PUT:(a, x):TRUE\nPUT:(a, y):TRUE\nPUT:(a, z):TRUE\n"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("loss 0 1 50", "in lock-step every message has to arrive: it needs --free-running"),
        ("reorder 0 1 50", "it needs --free-running"),
        ("skewClock 0 50", "stamps come from logical clocks: it needs --free-running"),
        ("loss 0 0 50", "a connection has two ends, and 0 is one"),
        ("loss 8 9 50", "8 and 9 are both clients"),
        ("delay 0 1 -3", "'-3' is no number from 0 to 3.6e+06"),
        ("duplicate 0 1 lots", "'lots' is no number from 0 to 100"),
        ("wait forever", "'forever' is no number"),
        ("partition 0 1 | 1", "a server is in one group only"),
        ("partition 0 | 8", "8 is no server that is up"),
        ("partition 0 | x", "'x' is no integer"),
        ("restartServer 0", "0 is no crashed server"),
        ("crashServer 8", "8 is a client, and id has to be the id of a server"),
    ],
)
def test_faults_that_make_no_sense_are_refused(line: str, why: str) -> None:
    (said,) = simulate((THREE + line).encode()).errors
    assert said.startswith(f"<stdin>:6: {line}: ")
    assert why in said


@pytest.mark.processes
@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("crashSoon 1 5\n", "processes crash between commands only: crashServer"),
        ("skewClock 1 50\n", "the processes of this machine share its clock"),
    ],
)
def test_what_processes_can_not_have_is_refused(lines: str, why: str) -> None:
    done = run_master(THREE + lines + "get 8 a\n", "--free-running")
    assert (done.returncode, done.stdout) == (0, b"a:ERR_KEY\n")
    assert why in done.stderr.decode()


def test_lock_step_waits_for_late_and_doubled_messages() -> None:
    rest = "put 9 a x\nget 8 a\nretireServer 0\nprintLog 1\n"
    faulty = THREE + "delay 0 1 300\nduplicate 2 0 100\ndelay 2 0 900\n" + rest
    plain = THREE + rest
    assert simulate(faulty.encode(), check=True).out == simulate(plain.encode()).out


def test_a_clock_that_is_ahead_stamps_ahead() -> None:
    """Order follows the clocks: the later put of the server with the right clock comes first."""
    text = "joinServer 0\njoinServer 1\njoinServer 2\njoinClient 8 1\njoinClient 9 2\nbreakConnection 1 2\n"
    text += "skewClock 1 5000\ncrashServer 1\nrestartServer 1\n"
    text += "pause\nput 8 a ahead\nwait 10\nput 9 a behind\nstart\nstabilize\n"
    done = simulate((text + "printLog 0\n").encode(), habits=Habits())
    assert done.out == b"PUT:(a, behind):TRUE\nPUT:(a, ahead):TRUE\n"


def test_weather() -> None:
    weather = Weather(random.Random(1))
    assert weather.arrivals(0, 1, 5.0, 0.001) == [5.001]
    weather.set(0, 1, Faults(loss=1.0))
    assert weather.arrivals(0, 1, 5.0, 0.001) == []
    assert weather.arrivals(1, 0, 5.0, 0.001) == [5.001], "the other direction is fine"
    weather.set(0, 1, Faults(delay_s=1.0))
    arrivals = [weather.arrivals(0, 1, 5.0, 0.001)[0] for _ in range(50)]
    assert arrivals == sorted(arrivals), "late, but in order"
    weather.set(0, 1, Faults(reorder=0.5))
    arrivals = [weather.arrivals(0, 1, 20.0, 0.001)[0] for _ in range(50)]
    assert arrivals != sorted(arrivals)
    weather.set(0, 1, Faults(duplicate=1.0))
    assert len(weather.arrivals(0, 1, 30.0, 0.001)) == 3
    weather.set(0, 1, NONE)
    assert weather.get(0, 1) == NONE


class Suffering:
    """A node as far as its weather goes."""

    _weather: Weather | None = None


def fates(seed: int, node: int) -> list[list[float]]:
    """Return what becomes of a hundred messages of a node's process, in a run with that seed."""
    orders: list[tuple[int, Message]] = []
    world = ProcessWorld(WorldSettings(seed=seed))
    try:
        world._nodes = dict.fromkeys((1, 2))  # type: ignore[assignment]
        world.ask_all = orders.extend  # type: ignore[method-assign, assignment]
        world.suffer(None, None, Faults(loss=0.5, duplicate=0.5))
    finally:
        world._nodes = {}
        world.close()
    host = Suffering()
    Host._suffer(host, dict(orders)[node])  # type: ignore[arg-type]
    assert host._weather is not None
    return [host._weather.arrivals(0, 9, 0.0, 0.0) for _ in range(100)]


def test_what_befalls_messages_between_processes_is_drawn_from_the_seed() -> None:
    """In the same order for each node; which messages these are is still up to the processes."""
    assert fates(7, 1) == fates(7, 1)
    assert fates(7, 1) != fates(8, 1)
    assert fates(7, 1) != fates(7, 2)
    assert 20 < sum(not each for each in fates(7, 1)) < 80
