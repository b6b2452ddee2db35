"""Scenarios of chat and of locks for the tests of behaviour: run in both worlds, where they do the same."""

from __future__ import annotations

from dataclasses import dataclass

from bayou.master.helping import PROMPT_COMMANDS
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.worlds.simulated import SimulatedWorld
from tests.processes import run_master

BLANK = " "
WORLDS = ("sim", "processes")


@dataclass(frozen=True)
class Done:
    """What a run printed, what it said on standard error, and its exit status."""

    printed: list[str]
    said: list[str]
    status: int

    @property
    def lines(self) -> list[int]:
        """The numbers of the lines that something was said of."""
        return [int(line.split(":")[1]) for line in self.said]


def lines_of(scenario: str | bytes) -> bytes:
    """Return a scenario as a file holds it: bytes as they are, of a text the commands between semicolons."""
    if isinstance(scenario, bytes):
        return scenario
    return "".join(f"{line.strip(BLANK)}\n" for line in scenario.split(";")).encode()


def run_in(world: str, scenario: str | bytes, *arguments: str) -> Done:
    """Run a scenario in one world."""
    done = run_master(lines_of(scenario), "--world", world, *arguments)
    printed, said = (
        stream.decode("utf-8", "surrogateescape").splitlines() for stream in (done.stdout, done.stderr)
    )
    return Done(printed, said, done.returncode)


def run_in_both(scenario: str | bytes, *arguments: str) -> Done:
    """Run a scenario simulated and on processes; all that can be seen has to be the same."""
    simulated, real = (run_in(world, scenario, *arguments) for world in WORLDS)
    assert simulated == real
    return real


def printed(scenario: str | bytes, *arguments: str) -> list[str]:
    """Return what a scenario prints in both worlds in which nothing is off."""
    done = run_in_both(scenario, *arguments)
    assert (done.said, done.status) == ([], 0)
    return done.printed


class Typed:
    """A simulated run as a person at a prompt has it, or a file, one line after another; every invariant is
    checked all the way."""

    def __init__(self, *, free_running: bool = False, seed: int = 0, at_prompt: bool = False) -> None:
        self.shown: list[str] = []
        self.said: list[str] = []
        self.run = Run(
            SimulatedWorld(check=True, seed=seed),
            COMMANDS,
            RunSettings(free_running=free_running),
            typed={**COMMANDS, **PROMPT_COMMANDS} if at_prompt else None,
            write=lambda data: self.shown.extend(data.decode("utf-8", "surrogateescape").splitlines()),
            complain=self.said.append,
        )
        self._number = 0

    def type(self, scenario: str) -> list[str]:
        """Carry out commands, a semicolon between two; return what they show."""
        self.shown.clear()
        self.said.clear()
        for line in scenario.split(";"):
            self._number += 1
            self.run.line(self._number, line.strip().encode())
        return list(self.shown)
