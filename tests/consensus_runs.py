"""Random lock-step scenarios of chat and locks against the sequential twin, in both worlds.

``python -m tests.consensus_runs --seeds 500`` runs both families in the simulated world, and with ``--world
processes`` on real processes. What is compared: standard output, and which lines were off.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass

from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.world import WorldSettings
from tests.consensus_generator import scenario
from tests.consensus_twin import Outcome
from tests.consensus_twin import run as run_twin

PLACE = re.compile(r"^(\S+:\d+): ")
PATIENCE_S = 600.0


@dataclass
class Came:
    """What came of a scenario: its output, and the lines on standard error."""

    out: bytes
    complaints: list[str]


def simulate(lines: list[bytes], seed: int = 0, *, check: bool = True) -> Came:
    """Run a scenario in the simulated world, in this process."""
    world = SimulatedWorld(WorldSettings(PATIENCE_S), seed=seed, check=check)
    out: list[bytes] = []
    complaints: list[str] = []
    run = Run(world, COMMANDS, RunSettings(), write=out.append, complain=complaints.append)
    world.complain = complaints.append
    for number, line in enumerate(lines, start=1):
        run.line(number, line)
    run.end()
    world.close()
    return Came(b"".join(out), complaints)


def run_processes(lines: list[bytes]) -> Came:
    """Run a scenario on real processes."""
    done = subprocess.run(
        [sys.executable, "-m", "bayou.master", "--deadline", "120"],
        input=b"\n".join([*lines, b""]),
        capture_output=True,
        timeout=600,
        check=False,
    )
    complaints = done.stderr.decode(errors="replace").splitlines()
    if done.returncode:
        complaints.append(f"exit status {done.returncode}")
    return Came(done.stdout, complaints)


def differences(twin: Outcome, came: Came) -> list[str]:
    """Return in what a run differs from the twin."""
    found = []
    if came.out != twin.out:
        found.append(f"printed {came.out!r}, the twin {twin.out!r}")
    places = [match.group(1) if (match := PLACE.match(line)) else line for line in came.complaints]
    expected = [*twin.errors, *twin.warnings, *(place for place, _ in twin.remarks), *twin.unmet]
    strange = [line for line, place in zip(came.complaints, places, strict=True) if place not in expected]
    missing = [place for place in expected if place not in places]
    if strange or missing:
        found.append(f"standard error: too much {strange}, missing {missing}")
    for place, _ in twin.remarks:
        if places.count(place) > 1 + (place in (*twin.errors, *twin.warnings)):
            found.append(f"{place} is remarked on {places.count(place)} times")
    return found


def compare(family: str, seed: int, world: str, *, length: int = 40) -> list[str]:
    """Run the scenario with this seed; return in what it differs from the twin."""
    lines = scenario(family, seed, length)
    came = simulate(lines, seed) if world == "sim" else run_processes(lines)
    return differences(run_twin(b"\n".join([*lines, b""])), came)


def main() -> int:
    """Run a campaign; return the exit status."""
    parser = argparse.ArgumentParser(description="Random lock-step scenarios against the sequential twin.")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--world", choices=("sim", "processes"), default="sim")
    parser.add_argument("--family", choices=("chat", "locks"), action="append")
    parser.add_argument("--length", type=int, default=40)
    given = parser.parse_args()
    failed = 0
    for family in given.family or ("chat", "locks"):
        for seed in range(given.seed, given.seed + given.seeds):
            found = compare(family, seed, given.world, length=given.length)
            failed += bool(found)
            for line in found:
                print(f"{family} {seed}: {line}")
        print(f"{family}: {given.seeds} scenarios, {failed} differ from the twin")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
