"""Free running: servers gossip by themselves; what does not depend on timing is as in lock-step."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bayou.core.clock import HybridClock
from bayou.core.name import ROOT
from bayou.core.vector import VersionVector
from bayou.families.store.freerunning import who_is_behind
from bayou.node.messages import Put, Status
from bayou.node.settings import PARTNERS, Habits
from tests.processes import Master, run_master
from tests.rows import row
from tests.simulated import StoreWorld, simulate
from tests.timing_free import random_timing_free, timing_free

HERE = Path(__file__).parent
DELICATE = (
    "retire-ambiguous-never-heard", "retire-ambiguous-retired", "retire-before-being-heard-of",
    "retire-hands-over-tentative", "retire-primary", "retire-several-in-a-row", "rejoin-while-paused",
    "session-of-many-servers", "star-loses-its-centre", "mend-while-paused",
)  # fmt: skip


@pytest.mark.processes
def test_timing_free_scenarios_in_every_way_to_run_them() -> None:
    """Lock-step and free-running, simulated and with processes: the same bytes."""
    tentative = 0
    for seed in range(8):
        text = "\n".join(random_timing_free(seed)).encode()
        expected = simulate(text, check=True).out
        tentative += b"FALSE" in expected
        assert simulate(text, check=True, habits=Habits()).out == expected, f"seed {seed}, simulated"
        assert run_master(text).stdout == expected, f"seed {seed}, lock-step"
        done = run_master(text, "--free-running")
        assert (done.returncode, done.stdout) == (0, expected), f"seed {seed}, {done.stderr.decode()}"
    assert tentative > 0


@pytest.mark.parametrize("partners", PARTNERS)
def test_whom_servers_gossip_with_makes_no_difference(partners: str) -> None:
    for seed in range(100, 112):
        text = "\n".join(random_timing_free(seed)).encode()
        habits = Habits(period_s=0.5, partners=partners)
        assert simulate(text, check=True, habits=habits).out == simulate(text).out, f"seed {seed}"


@pytest.mark.processes
@pytest.mark.parametrize("name", DELICATE)
def test_delicate_scenarios_again_and_again(name: str) -> None:
    lines, left_out = timing_free((HERE / f"{name}.test").read_text().splitlines())
    assert left_out == 0
    expected = simulate("\n".join(lines).encode()).out
    for _ in range(4):
        done = run_master("\n".join(lines), "--free-running")
        assert (done.returncode, done.stdout) == (0, expected), done.stderr.decode()


GOSSIPED = """\
joinServer 0
joinServer 1
joinServer 2
joinClient 8 1
joinClient 9 2
breakConnection 0 2
put 8 a b
{wait}
printLog 0
get 9 a
"""


def test_without_stabilize_nothing_waits() -> None:
    """In virtual time no gossip gets through between two commands that don't wait for it."""
    lines = GOSSIPED.format(wait="# no stabilize")
    done = simulate(lines.encode(), habits=Habits())
    assert done.out == b"a:ERR_KEY\n"
    waited = simulate(lines.replace("# no stabilize", "stabilize").encode(), habits=Habits())
    assert waited.out == b"PUT:(a, b):TRUE\na:b\n" == simulate(lines.encode()).out


@pytest.mark.processes
def test_a_deadline_says_who_keeps_stabilize_waiting() -> None:
    with Master("--free-running", "--deadline", "1") as master:
        master.say("joinServer 0", "joinServer 1", "joinServer 2", "joinClient 9 0", "put 9 a b")
        assert master.ask("get 9 a") == "a:b"
        os.kill(master.pid_of("bayou server 1"), signal.SIGSTOP)
        master.say("put 9 a c", "stabilize")
        line = master.hear_error()
        assert "<stdin>:8: not done within 1 s" in line
        assert "server 1 does not respond (process " in line
        assert master.end()[0] == 3


def test_periodic_gossip_alone_brings_servers_level() -> None:
    """Even where all news gets lost: a pull each period finds what is missing."""
    from bayou.node.messages import Do, Join, News

    world = StoreWorld(habits=Habits(period_s=1.0, partners="turn"), check=True)
    world.start_server(0, [], Join(first=True), paused=False)
    world.start_server(1, [0], Join(first=False), paused=False)
    world.start_client(9, 1)
    world.ask(9, Do(Put(*row("a", "b"))))
    for _ in range(2000):
        for flight in world.flights():
            if isinstance(getattr(flight.given, "message", None), News):
                world.lose(flight)
            else:
                world.deliver(flight)
        world.pass_time(0.01)
        if world.server(1).replica.csn == 2:
            break
    assert world.server(0).replica.csn == world.server(1).replica.csn == 2
    assert not world.server(1).replica.log.tentative


def test_stamps_of_free_running_servers_are_times() -> None:
    times = iter([1_000, 5_000, 4_000, 6_000])
    clock = HybridClock(lambda: next(times))
    assert [clock.next(), clock.next(), clock.next()] == [1_000, 5_000, 5_001]
    clock.saw(9_000)
    assert clock.next() == 9_001


def test_who_is_behind() -> None:
    a = ROOT.child(1)
    old, new = VersionVector({ROOT: 1, a: 1}), VersionVector({ROOT: 1, a: 2})
    newer = VersionVector({ROOT: 3, a: 1})

    def behind(*statuses: Status) -> list[int]:
        return who_is_behind(range(len(statuses)), dict(enumerate(statuses)), {})

    assert behind(Status(1, new, 0, True), Status(1, new, 0, False)) == []
    assert behind(Status(1, old, 0, True), Status(1, new, 1, False)) == [0]
    assert behind(Status(1, new, 1, True), Status(1, new, 1, False)) == [0]
    assert behind(Status(2, new, 0, True), Status(1, new, 1, False)) == [1]
    assert behind(Status(1, newer, 0, True), Status(1, new, 0, False)) == [0, 1]
    assert behind(Status(1, old, 3, False)) == []
