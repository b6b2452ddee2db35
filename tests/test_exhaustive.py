"""What the walk through every order takes for a state: all that machines hold, less what they declare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bayou.explore.exhaustive import walk
from bayou.node.client import Client
from bayou.node.server import Server

if TYPE_CHECKING:
    from bayou.machine.effects import Effects, Input

EXPLORED = Path(__file__).parent / "explored"
SHORT = "two-servers-and-a-crash"
LONG = "two-writes-and-a-retirement"


def states_of(scenario: str, states_max: int = 5000) -> int:
    """Return how many states there are, none of them broken; ``states_max`` where there are that many."""
    lines = (EXPLORED / f"{scenario}.scenario").read_text().splitlines()
    walked = walk(lines, states_max=states_max)
    assert walked.problem is None
    assert walked.complete or walked.states == states_max
    return walked.states


def count_inputs(monkeypatch: pytest.MonkeyPatch, declared: str | None) -> None:
    """Let machines count their inputs, which changes nothing that they do, and declare that counter in the
    class attribute of this name, if one is given."""
    for kind in (Server, Client):

        def step(self: Any, now: float, given: Input, original: Any = kind.step) -> Effects:
            self.inputs_taken = getattr(self, "inputs_taken", 0) + 1
            effects: Effects = original(self, now, given)
            return effects

        monkeypatch.setattr(kind, "step", step)
        if declared is not None:
            monkeypatch.setattr(kind, declared, (*getattr(kind, declared), "inputs_taken"))


@pytest.mark.parametrize(
    ("scenario", "states"), [(SHORT, 126), pytest.param(LONG, 2715, marks=pytest.mark.campaign)]
)
def test_what_a_machine_declares_to_be_no_state_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, scenario: str, states: int
) -> None:
    count_inputs(monkeypatch, "UNCOMPARED")
    assert states_of(scenario) == states


@pytest.mark.parametrize(
    ("scenario", "states"), [(SHORT, 126), pytest.param(LONG, 2715, marks=pytest.mark.campaign)]
)
def test_what_a_machine_does_not_declare_is_compared(
    monkeypatch: pytest.MonkeyPatch, scenario: str, states: int
) -> None:
    count_inputs(monkeypatch, None)
    assert states_of(scenario, states + 1) == states + 1, "and perhaps more"


def test_of_numbers_that_only_tell_things_apart_it_counts_which_of_them_are_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count_inputs(monkeypatch, None)
    as_they_are = states_of(SHORT)
    monkeypatch.undo()
    count_inputs(monkeypatch, "TAGS")
    assert 126 < states_of(SHORT) < as_they_are
