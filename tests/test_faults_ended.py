"""When faults end: what heals, what leaves with a server, and what holds for everybody, in both worlds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.settings import Habits
from bayou.worlds.processes.world import ProcessWorld
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.weather import NONE, Faults, Weather
from bayou.worlds.world import DeadlineExceeded, GivenUp, WorldSettings
from tests.processes import run_master, wait_until
from tests.simulated import simulate, system_of

BOTH = pytest.mark.parametrize(
    "kind",
    [pytest.param(ProcessWorld, marks=pytest.mark.processes, id="processes"), SimulatedWorld],
)
PATIENCE_S = 1.5


class Told:
    """A free-running run that is told one line after another; what it prints and says is kept. A command that
    takes too long is given up, as at a prompt."""

    def __init__(self, world: ProcessWorld | SimulatedWorld) -> None:
        self.world = world
        self.printed: list[str] = []
        self.said: list[str] = []
        self.run = Run(
            world,
            COMMANDS,
            RunSettings(free_running=True),
            write=lambda data: self.printed.extend(data.decode().splitlines()),
            complain=self.said.append,
        )

    def tell(self, *lines: str) -> list[str]:
        """Carry out these lines; return what they printed."""
        self.printed.clear()
        for line in lines:
            self.run.line(1, line.encode())
        return list(self.printed)

    def give_up(self, line: str) -> None:
        """Carry out a line that hangs, until its deadline."""
        assert not self.try_for_a_while(line)

    def try_for_a_while(self, line: str) -> bool:
        """Carry out a line until it is done, or until its deadline; return whether it was done."""
        try:
            self.run.line(1, line.encode())
        except DeadlineExceeded:
            system_of(self.run).doubt()
            return False
        return True


@pytest.fixture
def told() -> Iterator[Callable[[type[ProcessWorld] | type[SimulatedWorld]], Told]]:
    worlds: list[ProcessWorld | SimulatedWorld] = []

    def begin(kind: type[ProcessWorld] | type[SimulatedWorld]) -> Told:
        world = kind(WorldSettings(deadline_s=PATIENCE_S))
        worlds.append(world)
        return Told(world)

    yield begin
    for world in worlds:
        world.close()


Begin = Callable[[type[ProcessWorld] | type[SimulatedWorld]], Told]


@BOTH
@pytest.mark.parametrize("lost", ["loss 8 0 100", "loss 0 8 100", "loss * 0 100", "loss 8 * 100"])
def test_healing_ends_the_faults_of_clients(kind: type[ProcessWorld], lost: str, told: Begin) -> None:
    """In the world of processes it ended those of servers only."""
    here = told(kind)
    here.tell("joinServer 0", "joinClient 8 0", lost)
    here.give_up("put 8 a x")
    here.tell("heal")
    wait_until(lambda: here.tell("wait 50", "get 8 a") == ["a:x"])
    assert here.tell("put 8 b y", "get 8 b") == ["b:y"]
    assert system_of(here.run).faults == {}


@BOTH
@pytest.mark.parametrize("lost", ["loss 1 8 100", "loss 8 1 100", "loss 1 * 100", "loss * 1 100"])
def test_faults_leave_with_a_retired_server(kind: type[ProcessWorld], lost: str, told: Begin) -> None:
    """One that joins later under the same id does not suffer them; a client that suffered them is well."""
    here = told(kind)
    here.tell("joinServer 0", "joinServer 1", "joinClient 8 1", lost)
    if "*" in lost:  # so that it can leave at all
        other = "0 1" if lost.startswith("loss *") else "1 0"
        here.tell(f"duplicate {other} 0")
    here.tell("retireServer 1", "joinServer 1", "restoreConnection 8 1")
    assert here.tell("put 8 a x", "get 8 a") == ["a:x"]
    assert system_of(here.run).faults == {}
    assert here.said == []


@BOTH
def test_healing_while_a_server_leaves(kind: type[ProcessWorld], told: Begin) -> None:
    """Its retirement was given up, as one neighbour could not confirm. While paused one confirmation is
    enough, which it has: it leaves on hearing of the first connection that is mended, and the second one to
    it can't be."""
    here = told(kind)
    here.tell(*(f"joinServer {server}" for server in range(5)), "joinClient 8 2", "put 8 a x", "stabilize")
    here.tell("breakConnection 2 3", "breakConnection 2 4", "loss 1 2 100", "loss 2 1 100")
    here.give_up("retireServer 2")
    here.tell("pause", "heal", "start", "stabilize", "joinClient 9 4")
    assert here.tell("get 9 a") == ["a:x"]
    assert "server 2 has left: its retirement, given up before, is complete" in here.said
    assert system_of(here.run).topology.servers == [0, 1, 3, 4]
    assert system_of(here.run).topology.groups([0]) == [[0, 1, 3, 4]]
    assert system_of(here.run).faults == {}


@BOTH
def test_what_holds_for_everybody_holds_for_those_that_join_later(
    kind: type[ProcessWorld], told: Begin
) -> None:
    here = told(kind)
    here.tell("joinServer 0", "joinServer 1", "loss * * 100", "joinClient 8 0", "joinClient 9 1")
    here.give_up("put 8 a x")
    here.give_up("joinServer 2")
    here.tell("loss * 0 0", "loss 0 * 0")
    wait_until(lambda: here.tell("wait 50", "get 8 a") == ["a:x"])
    here.give_up("get 9 a")
    here.tell("heal")
    wait_until(lambda: here.tell("wait 50", "get 9 a") == ["a:x"])


@BOTH
def test_what_is_said_of_a_pair_goes_before_what_is_said_of_all(
    kind: type[ProcessWorld], told: Begin
) -> None:
    """And what is said of a sender before what is said of a receiver."""
    here = told(kind)
    here.tell("joinServer 0", "joinClient 8 0", "loss * * 100", "loss * 0 0", "loss 0 8 0")
    assert here.tell("put 8 a x", "get 8 a") == ["a:x"]
    here.tell("loss 8 * 100")
    here.give_up("get 8 a")
    here.tell("loss 8 0 0")
    wait_until(lambda: here.tell("wait 50", "get 8 a") == ["a:x"])


class HangsInBetween(SimulatedWorld):
    """A world in which ending faults can be given up, as among processes of which one hangs."""

    hangs = False

    def calm(self) -> None:
        super().calm()
        if self.hangs:
            raise GivenUp("given up")

    def suffer(self, sender: int | None, receiver: int | None, faults: Faults | None) -> None:
        super().suffer(sender, receiver, faults)
        if self.hangs and faults is None:
            raise GivenUp("given up")


def test_healing_that_is_given_up_does_not_bring_faults_back(told: Begin) -> None:
    """Orders that nodes got are carried out by them, so that the loss has ended; doubling does not bring it
    back."""
    world = HangsInBetween()
    here = Told(world)
    here.tell("joinServer 0", "joinServer 1", "loss 0 1 100")
    world.hangs = True
    with pytest.raises(GivenUp):
        here.tell("heal")
    here.tell("duplicate 0 1 20")
    assert world.weather.get(0, 1) == Faults(duplicate=0.2)


def test_a_server_that_has_left_is_gone_even_where_ending_its_faults_is_given_up() -> None:
    world = HangsInBetween()
    here = Told(world)
    here.tell("joinServer 0", "joinServer 1", "duplicate 1 0 10", "duplicate 0 1 10")
    world.hangs = True
    with pytest.raises(GivenUp):
        here.tell("retireServer 1")
    assert system_of(here.run).topology.servers == [0]
    world.hangs = False
    here.tell("heal")
    assert system_of(here.run).faults == {}
    assert world.weather.is_fair


def test_a_crash_in_the_middle_of_a_command() -> None:
    """In the middle of a join: of the creator, and of the newcomer. The simulated world only."""
    here = Told(SimulatedWorld(WorldSettings(deadline_s=PATIENCE_S), check=True))
    here.tell("joinServer 0", "joinServer 1", "joinClient 8 0", "put 8 a x", "stabilize", "crashSoon 0 2")
    here.tell("joinServer 2")
    assert system_of(here.run).topology.crashed == []
    here.tell("# the next command takes notice")
    assert here.tell("get 8 a") == []
    assert here.said[-1].endswith("its server 0 has crashed: restartServer 0 brings it back; skipped")
    here.tell("restartServer 0", "stabilize")
    assert here.tell("get 8 a") == ["a:x"]
    here.tell("crashSoon 3 1")
    here.tell("joinServer 3")
    assert here.said[-1].endswith("it can't be done: it is gone; skipped")
    assert system_of(here.run).topology.servers == [0, 1, 2]
    here.tell("joinServer 3", "joinClient 9 3", "stabilize")
    assert here.tell("get 9 a") == ["a:x"]
    here.tell("put 8 a y", "crashSoon 1 1", "retireServer 1", "get 8 a")
    assert system_of(here.run).topology.crashed == [1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("crashSoon x 5", "'x' is no integer"),
        ("crashSoon 0 -5", "'-5' is no number from 0 to 3.6e+06"),
        ("crashSoon 0", "too few fields"),
        ("loss ** 0 5", "'**' is no integer"),
        ("loss * 7 5", "nobody has the id 7 now"),
        ("partition * | 0", "'*' is no integer"),
        ("crashServer *", "'*' is no integer"),
    ],
)
def test_what_makes_no_sense_is_refused(line: str, why: str) -> None:
    (said,) = simulate(f"joinServer 0\n{line}".encode(), habits=Habits()).errors
    assert why in said


def test_whoever_is_to_crash_and_is_not_there_does_not() -> None:
    """Nor does a client."""
    text = "joinServer 0\njoinClient 8 0\ncrashSoon 8 1\ncrashSoon 5 1\nwait 20\nput 8 a x\nget 8 a\n"
    done = simulate(text.encode())
    assert (done.out, done.errors) == (b"a:x\n", [])


@pytest.mark.processes
def test_processes_do_not_crash_soon() -> None:
    done = run_master("joinServer 0\ncrashSoon 0 5\njoinClient 8 0\nget 8 a\n")
    assert done.stdout == b"a:ERR_KEY\n"
    assert b"crashSoon 0 5: processes crash between commands only: crashServer; skipped" in done.stderr


@BOTH
def test_waiting_may_take_longer_than_any_command(kind: type[ProcessWorld], told: Begin) -> None:
    """Nobody waits for anything then; in the simulated world it was an error."""
    here = told(kind)
    here.tell("joinServer 0", "joinServer 1", f"wait {PATIENCE_S * 1000 + 200}", "joinClient 8 1")
    assert here.tell("get 8 a") == ["a:ERR_KEY"]


# On their way.


def test_what_is_sent_in_fair_weather_does_not_overtake_what_is_late() -> None:
    """Nor does what is sent after that."""
    weather = Weather(random.Random(1))
    weather.set(0, 1, Faults(delay_s=1.0))
    late = max(weather.arrivals(0, 1, 5.0, 0.001)[0] for _ in range(10))
    weather.set(0, 1, NONE)
    assert [weather.arrivals(0, 1, 5.1, 0.001) for _ in range(3)] == [[late]] * 3
    assert weather.arrivals(0, 1, late, 0.001) == [late + 0.001]
    weather.set(0, 1, Faults(delay_s=1.0))
    late = max(weather.arrivals(0, 1, 9.0, 0.001)[0] for _ in range(10))
    weather.clear()
    assert [weather.arrivals(0, 1, 9.1, 0.001) for _ in range(2)] == [[late]] * 2


@BOTH
def test_what_is_late_when_a_connection_is_cut_is_lost(kind: type[ProcessWorld]) -> None:
    """It does not arrive on a later connection between the same two, as nothing does that was on its way
    when a connection was cut: here requests of clients, which would be carried out long after that."""
    world = kind(WorldSettings(deadline_s=0.1))
    try:
        here = Told(world)
        here.tell("joinServer 0", *(f"joinClient {client} 0" for client in range(1, 7)))
        for client in range(1, 7):
            here.tell(f"delay {client} 0 1500")
            here.try_for_a_while(f"put {client} song{client} x")
        for client in range(1, 7):
            here.tell(f"breakConnection {client} 0", f"delay {client} 0 0", f"loss {client} 0 100")
        before = here.tell("printLog 0")
        assert len(before) < 6
        for client in range(1, 7):
            here.tell(f"restoreConnection {client} 0")
        here.tell("wait 1600")  # longer than any delay
        assert here.tell("printLog 0") == before
    finally:
        world.close()
