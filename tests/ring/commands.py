"""The commands of a ring, and the system that they act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.core.errors import BayouError
from bayou.families.family import System
from bayou.machine.messages import Failed
from bayou.script.grammar import TEXT, BadLine, Kind, parse_id, parse_number
from bayou.script.registry import Registry
from bayou.worlds.weather import Faults
from bayou.worlds.world import NodeSpec
from tests.ring.messages import BeMember, Pass, Passed, Tell, Told
from tests.ring.options import settings_of

if TYPE_CHECKING:
    from bayou.families.family import Stage
    from bayou.script.grammar import Field

RING = "the ring"
SERVERS_MAX = 50
PASSES_MAX = 1000
LOOKS_MAX = 300

COMMANDS = Registry("ring")


class RingSystem(System):
    """A ring: which servers there are, and which of them are up."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.size = 0
        self.up: list[int] = []
        self._retry_s = settings_of(stage.options.get("ring", {}))

    @property
    def nodes(self) -> list[int]:
        return list(self.up)

    def look_round(self) -> None:
        for server in self.world.take_crashed():
            if server in self.up:
                self.up.remove(server)

    def lose(self, node: int) -> None:
        super().lose(node)
        if node in self.up:
            self.up.remove(node)
            self.stage.record({"event": "crashed", "server": node})

    def spec(self, server: int) -> NodeSpec:
        """Return what a world has to know of a server."""
        what = BeMember(server == 0, self._retry_s)
        return NodeSpec(server, f"server {server}", True, "tests.ring.machines", what)

    def tell(self) -> dict[int, Told]:
        """Return what all servers that are up know of the counter."""
        answers = self.world.ask_all([(server, Tell()) for server in self.up])
        return {server: self.require(answer, Told) for server, answer in zip(self.up, answers, strict=True)}

    def rest(self) -> None:
        """Where all servers are up, wait until one of them has the counter."""
        for _ in range(LOOKS_MAX):
            if len(self.up) < self.size or any(told.has_it for told in self.tell().values()):
                return
            self.world.pass_quietly(self._retry_s)
        raise BayouError(f"nobody has the counter, after {LOOKS_MAX * self._retry_s:g} s of looking for it")


def open_system(stage: Stage) -> RingSystem:
    """Return the system of a new run."""
    return RingSystem(stage)


def _server(text: str, field: Field, system: RingSystem) -> int:
    number = parse_id(text)
    if not 0 <= number < system.size:
        raise BadLine(f"there is no server {number} in this ring of {system.size}")
    return number


SERVER = Kind("the number of a server", _server, offers=lambda system: [str(each) for each in system.up])


@COMMANDS.command(
    "startRing",
    ("servers", TEXT),
    does="starts a ring of so many servers; server 0 has the counter, which is 0",
    until="all are connected",
    example="startRing 3",
    group=RING,
)
def start_ring(system: RingSystem, servers: str) -> None:
    size = parse_id(servers)
    if system.size:
        raise BadLine("there is a ring already")
    if not 2 <= size <= SERVERS_MAX:
        raise BadLine(f"a ring has 2 to {SERVERS_MAX} servers")
    for server in range(size):
        answer = system.world.start(system.spec(server), list(system.up))
        if isinstance(answer, Failed):
            raise BadLine(f"server {server} could not be started: {answer.why}")
        system.up.append(server)
        system.size += 1


@COMMANDS.command(
    "pass",
    ("times", TEXT),
    does="passes the counter on so many times, each time to the next server that is up, one more than it was",
    until="the last one has it",
    example="pass 4",
    group=RING,
)
def pass_on(system: RingSystem, times: str) -> None:
    for _ in range(int(parse_number(times, PASSES_MAX))):
        has_it = [server for server, told in system.tell().items() if told.has_it]
        if not has_it:
            raise BadLine("nobody who is up has the counter")
        at = has_it[0]
        ring = [*range(at + 1, system.size), *range(at)]
        others = [server for server in ring if server in system.up]
        if not others:
            raise BadLine(f"server {at} is alone")
        system.ask(at, Pass(others[0]), Passed)


@COMMANDS.command(
    "printCounter",
    does="prints who has the counter, and what it is",
    until="it is printed",
    example="printCounter",
    group=RING,
)
def print_counter(system: RingSystem) -> None:
    system.stage.print(f"{server}: {told.count}" for server, told in system.tell().items() if told.has_it)


@COMMANDS.command(
    "crashServer",
    ("server", SERVER),
    does="lets a server stop at once",
    until="it is gone",
    example="crashServer 1",
    group=RING,
)
def crash_server(system: RingSystem, server: int) -> None:
    if server not in system.up:
        raise BadLine(f"server {server} is not up")
    system.up.remove(server)
    system.world.crash(server)
    system.stage.record({"event": "crashed", "server": server})


@COMMANDS.command(
    "crashSoon",
    ("server", SERVER),
    ("ms", TEXT),
    does="lets a server stop so many milliseconds from now (simulated world only)",
    until="it is planned",
    example="crashSoon 1 2",
    group=RING,
)
def crash_soon(system: RingSystem, server: int, ms: str) -> None:
    system.world.crash_soon(server, parse_number(ms, 10_000) / 1000)


@COMMANDS.command(
    "restartServer",
    ("server", SERVER),
    does="starts a crashed server again, with what it had made durable",
    until="it is connected, and has what was on its way to it",
    example="restartServer 1",
    group=RING,
)
def restart_server(system: RingSystem, server: int) -> None:
    if server in system.up:
        raise BadLine(f"server {server} is up")
    system.world.restart(system.spec(server), list(system.up))
    system.up = sorted([*system.up, server])
    system.stage.record({"event": "restarted", "server": server})
    if not system.stage.free_running:
        system.rest()


@COMMANDS.command(
    "lossRate",
    ("percent", TEXT),
    does="lets that share of all messages get lost (free-running only)",
    until="it does",
    example="lossRate 20",
    group=RING,
)
def loss_rate(system: RingSystem, percent: str) -> None:
    if not system.stage.free_running:
        raise BadLine("in lock-step every message has to arrive: it needs --free-running")
    system.world.suffer(None, None, Faults(loss=parse_number(percent, 90) / 100))


@COMMANDS.command(
    "allRest",
    does="ends all losses, and waits for a counter that is on its way",
    until="somebody who is up has it, or it is at a server that is not",
    example="allRest",
    group=RING,
)
def all_rest(system: RingSystem) -> None:
    system.world.calm()
    system.rest()
