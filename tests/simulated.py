"""Running a scenario in the simulated world, in this process; a simulated world of the store's nodes; and the
store's system of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bayou.families.store.settings import StoreSettings, plain_of
from bayou.families.store.specs import BeServer, client_spec, server_spec
from bayou.families.store.system import StoreSystem
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.messages import Join
from bayou.node.server import Server
from bayou.node.session import Guarantees, parse_guarantees
from bayou.node.settings import Habits, Settings
from bayou.worlds.simulated import LATENCY_S, SimulatedWorld
from bayou.worlds.weather import BEHIND_S
from bayou.worlds.world import NodeSpec, WorldSettings


def store_options(
    guarantees: Guarantees | None = None,
    habits: Habits | None = None,
    server: Settings | None = None,
    functions: str = "",
) -> dict[str, Mapping[str, Any]]:
    """Return the ``options`` of RunSettings in which the store is set to this, and to defaults otherwise."""
    made = StoreSettings(guarantees or Guarantees(), habits or Habits(), server or Settings(), "", functions)
    return {"store": plain_of(made)}


def system_of(run: Run) -> StoreSystem:
    """Return the store under test in a run; AssertionError while there is none."""
    assert isinstance(run.system, StoreSystem), run.system
    return run.system


class StoreWorld(SimulatedWorld):
    """A simulated world for tests that start the store's nodes themselves, without a master; and one for a
    run, if that gets its ``options``.

    ``server``: what is set for servers; ``guarantees``: what sessions ask for; with ``habits`` servers run
    freely, with hybrid clocks, unless ``server`` says everything.
    """

    def __init__(
        self,
        settings: WorldSettings | None = None,
        *,
        server: Settings | None = None,
        guarantees: Guarantees | None = None,
        habits: Habits | None = None,
        seed: int = 0,
        check: bool = False,
        latency_s: float = LATENCY_S,
        flush_s: float = 0.0,
        behind_s: float = BEHIND_S,
    ) -> None:
        super().__init__(
            settings, seed=seed, check=check, latency_s=latency_s, flush_s=flush_s, behind_s=behind_s
        )
        self.options = store_options(guarantees, habits, server)
        self._guarantees = guarantees
        self._server = server or Settings(habits=habits)
        self._has_wall_clock = server is None and habits is not None

    def _spec(self, server: int, *, paused: bool) -> NodeSpec:
        return server_spec(server, BeServer(self._server, paused, self._has_wall_clock))

    def start_server(self, server: int, peers: Sequence[int], join: Join, *, paused: bool) -> Message:
        """Start a server, connected to these, and let it join; return its answer."""
        return self.start(self._spec(server, paused=paused), peers, join)

    def add_server(self, server: int, peers: Sequence[int], *, paused: bool) -> None:
        """Start a server and connect it to these servers, without telling it to join."""
        self.add(self._spec(server, paused=paused), peers)

    def restart_server(self, server: int, peers: Sequence[int], *, paused: bool) -> None:
        """Start a crashed server with what it had made durable, and connect it to these nodes."""
        self.restart(self._spec(server, paused=paused), peers)

    def start_client(self, client: int, server: int) -> None:
        """Start a client, connected to that server."""
        self.start(client_spec(client, self._guarantees), [server])

    def server(self, node: int) -> Server:
        """Return the server with that id (KeyError, TypeError where it is none)."""
        return server_of(self, node)


def server_of(world: SimulatedWorld, node: int) -> Server:
    """Return the server with that id (KeyError, TypeError where it is none)."""
    found = world.nodes[node]
    if not isinstance(found, Server):
        raise TypeError(f"{node} is no server")
    return found


@dataclass
class Simulated:
    """What a run printed, in all and line by line of the scenario, and what it said on standard error."""

    out: bytes = b""
    by_line: list[list[str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def simulate(
    scenario: bytes,
    *,
    guarantees: str = "all",
    check: bool = False,
    strict: bool = False,
    habits: Habits | None = None,
    functions: str = "",
) -> Simulated:
    """Run a scenario; ``check`` walks all invariants after every step of every node; with ``habits`` servers
    run freely; ``functions``: the file of those that writes call."""
    done = Simulated()
    printed: list[bytes] = []
    world = SimulatedWorld(check=check)
    settings = RunSettings(
        strict=strict,
        free_running=habits is not None,
        options=store_options(parse_guarantees(guarantees), habits, functions=functions),
    )
    run = Run(world, COMMANDS, settings, write=printed.append, complain=done.errors.append)
    for number, line in enumerate(scenario.split(b"\n"), start=1):
        printed.clear()
        run.line(number, line)
        text = b"".join(printed)
        done.out += text
        done.by_line.append(text.decode("utf-8", "surrogateescape").splitlines())
    assert not world.dropped, world.dropped
    return done
