"""Part 3: one scenario, one output; lock-step, free running, deadlines, stamps and commitment."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest

from bayou.core.clock import HybridClock
from bayou.machine.effects import LinkUp, Ordered, Received, Tick
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.node.messages import Do, Hello, Join, News, NotNow, Pull, Put, Request
from bayou.node.server import Server
from bayou.node.settings import Habits, Settings
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.world import WorldSettings
from tests.behaviour.scenarios import PAIR, TRIO, printed, printed_by_processes, replicas, text
from tests.processes import Master, wait_until
from tests.rows import row
from tests.simulated import StoreWorld, simulate
from tests.test_core_replica import family, tell

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

LINE = TRIO + "breakConnection 0 2; "
"""Server 1 between 0 and 2."""

APART = TRIO + "breakConnection 0 1; breakConnection 0 2; breakConnection 1 2; "
"""Three servers by themselves."""


def gossiper(seed: int = 0) -> Server:
    """Return a free-running first server, connected to server 1 and with nothing to be done, which lets half
    a second pass between exchanges, or a fifth of that less or more."""
    node = Server(0, random.Random(seed), Settings(habits=Habits(period_s=0.5, jitter=0.2)))
    node.step(0.0, Ordered(1, Join(first=True)))
    for _, message in node.step(0.0, LinkUp(1, Hello(is_server=True))).sends:
        if isinstance(message, Pull):
            node.step(0.0, Received(1, NotNow(message.serial)))
    return node


# Lock-step.


@pytest.mark.processes
def test_part3_the_output_does_not_depend_on_timing() -> None:
    """However often a scenario runs, it prints the same."""
    steps = APART + "put 9 a 1; put 8 a 2; put 7 a 3; restoreConnection 1 2; restoreConnection 0 1; get 9 a; "
    # All three writes have the stamp 3, so their servers' ages decide; server 0 committed its own long ago.
    expected = ["a:1", "PUT:(a, 3):TRUE", "PUT:(a, 2):TRUE", "PUT:(a, 1):TRUE"]
    for _ in range(5):
        assert printed_by_processes(steps + "printLog 2") == expected


def test_part3_a_command_is_over_when_nothing_more_moves() -> None:
    """A put is on every server that can be reached, and committed, before the next command begins."""
    assert printed(LINE + "put 9 a b; printLog 0; printLog 1; printLog 2") == ["PUT:(a, b):TRUE"] * 3


@pytest.mark.processes
def test_part3_a_get_right_after_restore_connection_sees_the_other_side() -> None:
    """When a connection has been mended the next command sees what the other side had."""
    steps = PAIR + "breakConnection 0 1; put 8 a b; restoreConnection 0 1; get 9 a"
    assert printed_by_processes(steps) == printed(steps) == ["a:b"]


def test_part3_lock_step_rests_while_paused() -> None:
    """While paused a command ends without any exchange between servers."""
    assert printed(PAIR + "pause; put 8 a b; stabilize; get 9 a; start; get 9 a") == ["a:ERR_KEY", "a:b"]


def test_part3_a_connected_group_comes_to_know_the_same() -> None:
    """Between two commands all servers that are connected, directly or not, know and committed the same."""
    servers = replicas(LINE + "put 7 a 1; put 8 b 2; put 9 c 3; delete 7 b")
    assert servers[0].vector == servers[1].vector == servers[2].vector
    # Two creations, three puts and a delete.
    assert [servers[id].csn for id in (0, 1, 2)] == [6, 6, 6]
    assert not any(servers[id].log.tentative for id in (0, 1, 2))


def test_part3_a_group_without_the_primary_still_exchanges_everything() -> None:
    """Servers that can't reach the primary agree on a tentative order."""
    steps = TRIO + "breakConnection 0 1; breakConnection 0 2; put 9 a 1; put 8 b 2; printLog 1; printLog 2"
    assert printed(steps) == ["PUT:(a, 1):FALSE", "PUT:(b, 2):FALSE"] * 2


@pytest.mark.processes
def test_part3_waiting_is_not_sleeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lock-step asks the servers whether they are done, and never sleeps."""

    def sleep(_: float) -> None:
        raise AssertionError("slept")

    monkeypatch.setattr(time, "sleep", sleep)
    out: list[bytes] = []
    world = ProcessWorld()
    try:
        run = Run(world, COMMANDS, write=out.append)
        for number, line in enumerate(text(LINE + "put 9 a b; stabilize; get 7 a").splitlines(), start=1):
            run.line(number, line.encode())
    finally:
        world.close()
    assert out == [b"a:b\n"]


# Free running.


def test_part3_free_running_commands_do_not_wait() -> None:
    """With --free-running a put is over when the client has its answer, even where gossip has not got far."""
    done = simulate(text(LINE + "put 7 a b; get 9 a").encode(), habits=Habits())
    assert done.out == b"a:ERR_KEY\n"


@pytest.mark.processes
def test_part3_free_running_stabilize_waits() -> None:
    """With --free-running stabilize returns when everything is everywhere and committed."""
    steps = LINE + "put 9 a b; stabilize; get 7 a; get 8 a; printLog 0; printLog 1; printLog 2"
    expected = ["a:b", "a:b", *["PUT:(a, b):TRUE"] * 3]
    assert printed_by_processes(steps, "--free-running") == expected
    assert simulate(text(steps).encode(), habits=Habits(), check=True).out.decode().splitlines() == expected


@pytest.mark.processes
def test_part3_free_running_servers_gossip_by_themselves() -> None:
    """With --free-running writes spread and are committed without any command that waits for it."""
    with Master("--free-running") as master:
        master.say(*text(LINE + "put 9 a b").splitlines())
        wait_until(lambda: master.ask("get 7 a") == "a:b")
        wait_until(lambda: master.ask("printLog 2") == "PUT:(a, b):TRUE")
        assert master.end() == (0, "", "")


def test_part3_free_running_gossip_is_periodic_with_jitter() -> None:
    """A free-running server asks a partner for news once a period, sooner or later by a part that varies."""
    waits = set()
    for seed in range(5):
        node = gossiper(seed)
        assert node.wake_at is not None
        waits.add(node.wake_at)
        effects = node.step(node.wake_at, Tick())
        assert [(peer, type(message)) for peer, message in effects.sends if peer == 1] == [(1, Pull)]
    assert all(0.4 <= wait <= 0.6 for wait in waits)
    assert len(waits) > 1


def test_part3_free_running_servers_tell_of_new_writes_at_once() -> None:
    """A free-running server tells those connected to it of a write that it has just accepted."""
    node = gossiper()
    effects = node.step(0.1, Received(9, Request(1, 1, Put(*row("a", "b")), None, None)))
    assert (1, News) in [(peer, type(message)) for peer, message in effects.sends]


# Deadlines.


@pytest.mark.processes
@linux
def test_part3_a_hang_ends_with_status_3_and_says_who_waits_for_what() -> None:
    """At the deadline the run ends with status 3, and standard error tells which node waits for which."""
    with Master("--deadline", "0.2") as master:
        master.say("joinServer 0", "joinServer 1", "joinClient 2 1")
        assert master.ask("get 2 a") == "a:ERR_KEY"
        os.kill(master.pid_of("bayou server 1"), signal.SIGSTOP)
        master.say("get 2 a")
        status, out, told = master.end()
        assert (status, out) == (3, "")
        assert told.startswith("<stdin>:5: ")
        assert "0.2 s" in told
        assert "client 2 waits for server 1" in told


def test_part3_a_command_has_thirty_seconds() -> None:
    """Unless told otherwise a command may take thirty seconds."""
    assert WorldSettings().deadline_s == 30.0


# Stamps and order.


def test_part3_a_stamp_is_one_more_than_the_largest_seen() -> None:
    """In scenarios a write is stamped one above the largest stamp that its server has seen."""
    # The creation of server 1 has stamp 1. While apart, server 0 gets to 4; then server 1 knows that.
    steps = (
        "breakConnection 0 1; put 8 a 1; put 8 a 2; put 8 a 3; put 9 b 1; restoreConnection 0 1; put 9 b 2"
    )
    log = replicas(PAIR + steps)[1].log
    stamps = {(write.key, str(write.value)): write.stamp for write in log if write.key}
    assert stamps == {
        ("a", '"1"'): 2,
        ("a", '"2"'): 3,
        ("a", '"3"'): 4,
        ("b", '"1"'): 2,
        ("b", '"2"'): 5,
    }


def test_part3_servers_run_for_real_stamp_with_the_time() -> None:
    """A hybrid clock gives the time, or one more than the largest stamp seen where that is larger."""
    times = iter([100, 100, 50, 200, 250])
    clock = HybridClock(lambda: next(times))
    assert [clock.next(), clock.next(), clock.next(), clock.next()] == [100, 101, 102, 200]
    clock.saw(300)
    assert clock.next() == 301


def test_part3_equal_stamps_are_ordered_by_server_name() -> None:
    """Of two tentative writes with the same stamp the one of the older server comes first."""
    steps = APART + "put 9 b 2; put 8 a 1; restoreConnection 1 2; printLog 2; get 9 a"
    assert printed(steps) == ["PUT:(a, 1):FALSE", "PUT:(b, 2):FALSE", "a:1"]


def test_part3_the_order_decides_what_a_song_is() -> None:
    """Of two writes of one song the later in the order counts, not the one that came last."""
    assert printed(APART + "put 9 a 2; put 8 a 1; restoreConnection 1 2; get 9 a; get 8 a") == ["a:2", "a:2"]


# Commitment.


@pytest.mark.parametrize("pause", ["", "pause; "])
def test_part3_the_primary_commits_what_it_accepts_at_once(pause: str) -> None:
    """A write that the primary accepts is committed there at once, paused or not."""
    assert printed(PAIR + pause + "put 8 a b; printLog 0") == ["PUT:(a, b):TRUE"]


@pytest.mark.parametrize("pause", ["", "pause; "])
def test_part3_the_primary_commits_what_is_handed_over_at_once(pause: str) -> None:
    """What a retiring server hands to the primary is committed there at once, paused or not."""
    assert printed(PAIR + f"{pause}put 9 a b; retireServer 1; printLog 0") == ["PUT:(a, b):TRUE"]


@pytest.mark.parametrize("pause", ["", "pause; "])
def test_part3_a_new_primary_commits_what_it_holds_at_once(pause: str) -> None:
    """A server that becomes the primary commits all its tentative writes at once, paused or not."""
    assert printed(PAIR + f"{pause}put 9 a b; retireServer 0; printLog 1") == ["PUT:(a, b):TRUE"]


def test_part3_the_primarys_own_write_does_not_overtake() -> None:
    """What the primary has got and not committed yet is committed before a write that it accepts then."""
    root, one, two = family(3)
    late, early = two.put(*row("b", "2")), one.put(*row("a", "1"))
    for other in (two, one):
        tell(other, root)
    assert list(root.log.tentative) == [early, late]
    own = root.put(*row("c", "3"))
    assert root.log.committed[-3:] == [early, late, own]


def test_part3_whoever_learns_that_it_is_the_primary_commits_at_once() -> None:
    """A server commits what it holds in the moment in which it hears that the duty is its own."""
    root, heir, other = family(3)
    heir.put(*row("a", "b"))
    root.retire(heir.name)
    tell(root, other)
    assert list(heir.log.tentative)
    tell(other, heir)
    assert not heir.log.tentative
    assert heir.log.committed[-1].key == "a"


def test_part3_the_primary_commits_in_accept_order() -> None:
    """What the primary learns is committed in the order in which it was accepted, wherever it came from."""
    # In a row 0 - 1 - 2: c comes from farther away, but with stamp 3 it was accepted before d with stamp 4.
    steps = (
        APART + "put 9 c 1; put 8 b 1; put 8 d 1; restoreConnection 1 2; restoreConnection 0 1; printLog 0"
    )
    assert printed(steps) == ["PUT:(b, 1):TRUE", "PUT:(c, 1):TRUE", "PUT:(d, 1):TRUE"]


def test_part3_lock_step_commits_when_the_group_has_gone_quiet() -> None:
    """Nothing that comes by anti-entropy is committed before all that the group has is with the primary."""
    steps = (
        APART
        + "put 8 b 1; put 8 d 1; put 9 c 1; pause; restoreConnection 0 1; restoreConnection 1 2; start; "
    )
    # Were server 1's writes committed as they come, both would stand before c.
    expected = ["PUT:(b, 1):TRUE", "PUT:(c, 1):TRUE", "PUT:(d, 1):TRUE"]
    assert printed(steps + "printLog 0; printLog 1; printLog 2") == expected * 3


def test_part3_the_primary_never_commits_a_part() -> None:
    """Wherever the primary is at rest nothing is left tentative with it."""
    servers = replicas(APART + "put 7 a 1; put 8 b 1; put 9 c 1; restoreConnection 0 2; put 8 d 1")
    assert not servers[0].log.tentative
    assert [write.key for write in servers[0].log.committed if write.key] == ["a", "c"]


class Held:
    """Three free-running servers, 1 and 2 not connected, and 2 with a write; nothing from 1 gets to 0."""

    def __init__(self) -> None:
        self.world = StoreWorld(habits=Habits(), check=True)
        for server in (0, 1, 2):
            self.world.start_server(server, range(server), Join(first=server == 0), paused=False)
        self.world.disconnect(1, 2)
        self.world.start_client(9, 2)
        self.go_on(0.5, hold=False)
        self.world.ask(9, Do(Put(*row("a", "b"))))

    def go_on(self, seconds: float, *, hold: bool) -> None:
        """Let time pass and deliver what is sent, what server 1 sends to server 0 only unless held."""
        for _ in range(round(seconds / 0.01)):
            for flight in self.world.flights():
                is_held = flight.node == 0 and getattr(flight.given, "peer", None) == 1
                if not (hold and is_held):
                    self.world.deliver(flight)
            self.world.pass_time(0.01)

    def tentative(self) -> list[str]:
        return [write.key for write in self.world.server(0).replica.log.tentative]

    def last_committed(self) -> str:
        return self.world.server(0).replica.log.committed[-1].key


def test_part3_free_running_the_primary_commits_when_it_has_heard_from_all() -> None:
    """A free-running primary commits what came to it once it has heard from every server connected to it."""
    held = Held()
    held.go_on(0.5, hold=True)
    assert held.tentative() == ["a"]
    held.go_on(0.1, hold=False)
    assert (held.tentative(), held.last_committed()) == ([], "a")


def test_part3_free_running_the_primary_does_not_wait_for_ever() -> None:
    """A free-running primary that hears nothing from some server commits all the same after a while."""
    held = Held()
    held.go_on(0.5, hold=True)
    assert held.tentative() == ["a"]
    held.go_on(2.0, hold=True)
    assert (held.tentative(), held.last_committed()) == ([], "a")
