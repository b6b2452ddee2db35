"""Short scenarios for the tests of behaviour: the commands on one line, a semicolon between two."""

from __future__ import annotations

from bayou.core.replica import Replica
from bayou.master.language import COMMANDS
from bayou.master.run import Run
from bayou.worlds.simulated import SimulatedWorld
from tests.processes import run_master
from tests.simulated import server_of, simulate, system_of

PAIR = "joinServer 0; joinServer 1; joinClient 8 0; joinClient 9 1; "
"""Two connected servers, the first one the primary, with a client each."""

TRIO = "joinServer 0; joinServer 1; joinServer 2; joinClient 7 0; joinClient 8 1; joinClient 9 2; "
"""Three servers, all connected, the first one the primary, with a client each."""


def text(scenario: str) -> str:
    """Return the scenario as a file holds it."""
    return "".join(f"{line.strip()}\n" for line in scenario.split(";"))


def printed(scenario: str, guarantees: str = "all") -> list[str]:
    """Return what a scenario in which nothing is off prints, simulated, invariants checked all the way."""
    done = simulate(text(scenario).encode(), guarantees=guarantees, check=True)
    assert done.errors == []
    return done.out.decode().splitlines()


def complaints(scenario: str) -> list[str]:
    """Return what a simulated run says on standard error."""
    return simulate(text(scenario).encode(), check=True).errors


def printed_by_processes(scenario: str, *arguments: str) -> list[str]:
    """Return what a scenario in which nothing is off prints on real processes."""
    done = run_master(text(scenario), *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def replicas(scenario: str) -> dict[int, Replica]:
    """Return the servers' replicas after a simulated run, by id."""
    world = SimulatedWorld(check=True)
    errors: list[str] = []
    run = Run(world, COMMANDS, write=lambda _: None, complain=errors.append)
    for number, line in enumerate(text(scenario).splitlines(), start=1):
        run.line(number, line.encode())
    assert errors == []
    return {server: server_of(world, server).replica for server in system_of(run).topology.servers}
