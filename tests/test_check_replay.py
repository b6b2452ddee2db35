"""A replay goes on exactly as the run did: commands that were skipped, given up, or had patience of their
own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bayou.explore.trial import Trial
from bayou.families.store.generate import scenario
from bayou.families.store.knobs import setup_for
from bayou.judging.began import began
from bayou.judging.main import replay
from bayou.judging.replay import ReplayError, run_again
from bayou.machine.messages import Message
from bayou.master.helping import PROMPT_COMMANDS
from bayou.master.language import COMMANDS
from bayou.master.main import main
from bayou.master.recording import given_up
from bayou.master.run import Run, RunSettings
from bayou.trace.file import read_events, to_line
from bayou.worlds.simulated import SimulatedWorld
from bayou.worlds.simulated.setup import Setup
from bayou.worlds.world import GivenUp
from tests.test_golden import FUNCTIONS, arguments_of

HERE = Path(__file__).parent
SCENARIOS = sorted(HERE.glob("*.test"))
FREE = sorted((HERE / "explored" / "found").glob("*.scenario"))


def traced(tmp_path: Path, scenario_file: Path, *arguments: str) -> Path:
    trace = tmp_path / f"{scenario_file.stem}.jsonl"
    main([str(scenario_file), "--world", "sim", "--trace", str(trace), *arguments])
    return trace


@pytest.mark.parametrize("name", [path.stem for path in SCENARIOS])
def test_every_golden_scenario_replays(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Commands included that their handlers skipped."""
    arguments = arguments_of(name)
    trace = traced(tmp_path, HERE / f"{name}.test", *arguments)
    capfd.readouterr()
    assert replay([str(trace), *(FUNCTIONS if FUNCTIONS[1] in arguments else [])]) == 0, (
        capfd.readouterr().out
    )


@pytest.mark.parametrize("name", [path.stem for path in FREE])
def test_free_running_scenarios_with_faults_replay(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = HERE / "explored" / "found" / f"{name}.scenario"
    trace = traced(tmp_path, path, "--free-running", "--seed", "3", "--partners", "turn")
    capfd.readouterr()
    assert replay([str(trace)]) == 0, capfd.readouterr().out


def test_what_an_explorer_ran_replays() -> None:
    """With slow disks, small parts, commands given up, and a last one that had more patience."""
    given_up = 0
    for seed in range(25):
        events = Trial(scenario(seed), setup_for(seed)).run().events
        given_up += sum(event["event"] == "gave up" and "line" in event for event in events)
        assert list(map(to_line, run_again(json.loads(json.dumps(events))))) == list(map(to_line, events)), (
            seed
        )
    assert given_up >= 4


class Hasty:
    """Presses Ctrl-C when so many messages were sent."""

    def __init__(self, world: SimulatedWorld, after: int) -> None:
        self._world = world
        self._left = after

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        self._left -= 1
        if self._left == 0:
            self._world.interrupt()

    def cut(self, message: Message) -> None: ...

    def asked_again(self, what: str) -> None: ...

    def lost(self) -> None: ...


@pytest.mark.parametrize("after", [60, 100, 140, 141, 180])
def test_a_command_given_up_at_a_prompt_is_given_up_again(after: int) -> None:
    """At the same step: what happened to the rest of its time comes later, as it did then."""
    world = SimulatedWorld(seed=after)
    world.watcher = Hasty(world, after)
    events = [began(Setup(after, free_running=True))]
    world.observe = events.append
    run = Run(
        world,
        {**COMMANDS, **PROMPT_COMMANDS},
        RunSettings("<stdin>", free_running=True),
        write=lambda _: None,
        complain=lambda _: None,
        observe=events.append,
    )
    lines = [
        "joinServer 1",
        "joinServer 2",
        "joinServer 3",
        "joinClient 4 3",
        "put 4 a b",
        "wait 5000",
        "status",
    ]
    lines += ["breakConnection 1 2", "put 4 a c", "wait 300", "get 4 a", "stabilize", "put 4 a d", "get 4 a"]
    for number, line in enumerate(lines, start=1):
        try:
            run.line(number, line.encode())
        except GivenUp:
            run.record(given_up(world, number))
            run.unsettle()
        run.look_round()
    assert sum(event["event"] == "gave up" for event in events) == 1
    assert list(map(to_line, run_again(json.loads(json.dumps(events))))) == list(map(to_line, events))


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "command", "place": "x:1"},
        {"event": "command", "place": 3, "text": "pause"},
        {"event": "command", "place": "x:1", "text": "pause", "patience_s": 0},
    ],
)
def test_a_trace_that_makes_no_sense_is_refused(
    wrong: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text("\n".join(map(to_line, [began(Setup()), wrong])))
    assert replay([str(trace)]) == 2
    assert str(trace) in capsys.readouterr().err


def test_a_bug_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ReplayError, match="no bug"):
        run_again([began(Setup(bug="no such thing"))])


def test_a_trace_that_was_changed_differs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    trace = traced(tmp_path, HERE / "chain.test")
    events = list(read_events(trace.read_bytes().splitlines()))
    logs = [at for at, event in enumerate(events) if event["event"] == "log"]
    for at in (logs[0], logs[-1]):
        changed = [*events[:at], *events[at + 1 :]]
        trace.write_text("\n".join(map(to_line, changed)))
        capfd.readouterr()
        assert replay([str(trace)]) == 1
