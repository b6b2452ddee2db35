"""Running a scenario in the simulated world, in this process."""

from __future__ import annotations

from dataclasses import dataclass, field

from bayou.master.run import Run, RunSettings
from bayou.master.vocabulary import COMMANDS
from bayou.node.gossip import Habits
from bayou.node.session import parse_guarantees
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import WorldSettings


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
) -> Simulated:
    """Run a scenario; ``check`` walks all invariants after every step of every node; with ``habits`` servers
    run freely."""
    done = Simulated()
    printed: list[bytes] = []
    world = SimulatedWorld(WorldSettings(parse_guarantees(guarantees), habits=habits), check=check)
    settings = RunSettings(strict=strict, free_running=habits is not None)
    run = Run(world, COMMANDS, settings, write=printed.append, complain=done.errors.append)
    for number, line in enumerate(scenario.split(b"\n"), start=1):
        printed.clear()
        run.line(number, line)
        text = b"".join(printed)
        done.out += text
        done.by_line.append(text.decode("utf-8", "surrogateescape").splitlines())
    assert not world.dropped, world.dropped
    return done
