"""Every order of small scenarios of chat and locks, and what their machines declare to be no state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bayou.explore.exhaustive import walk
from bayou.families.log.client import LogClient
from bayou.families.log.server import LogServer
from bayou.families.planting import planted
from bayou.script.grammar import BadLine

if TYPE_CHECKING:
    from bayou.explore.exhaustive import Walked
    from bayou.machine.effects import Effects, Input

EXPLORED = Path(__file__).parent / "explored"
SHORT = "chat-two-servers-and-a-crash"


def walked(scenario: str, states_max: int = 5000) -> Walked:
    """Take a scenario through every order."""
    return walk((EXPLORED / f"{scenario}.scenario").read_text().splitlines(), states_max=states_max)


@pytest.mark.parametrize(
    ("scenario", "states", "ends"),
    [
        (SHORT, 106, 7),
        ("chat-two-messages-and-a-leader-killed", 744, 39),
        ("locks-an-expiry-and-a-leader-killed", 375, 24),
        pytest.param("chat-a-leader-killed-and-back", 1777, 52, marks=pytest.mark.slow),
        pytest.param("locks-two-clients-and-a-leader-killed", 744, 39, marks=pytest.mark.slow),
    ],
)
def test_every_order_of_a_small_scenario(scenario: str, states: int, ends: int) -> None:
    came = walked(scenario)
    assert (came.problem, came.complete) == (None, True)
    assert (came.states, came.ends) == (states, ends)


@pytest.mark.parametrize(
    ("bug", "rule"),
    [
        ("a no-op over an accepted value", "agreement"),
        ("a majority less one", "majorities"),
        ("a promise to a candidate that is behind", "promises"),
    ],
)
def test_a_walk_finds_a_weak_log_and_tells_the_way(bug: str, rule: str) -> None:
    with planted(bug):
        came = walked("chat-two-messages-and-a-leader-killed")
    assert came.problem is not None
    assert came.problem.startswith(f"{rule}: ")
    assert "sendMessage 0 a" in came.path


def test_new_leaders_adopt_what_they_find_and_clients_hear_of_it() -> None:
    """A walk in which no leader ever changed would prove little: there are more states than without a
    crash, and some in which server 1 leads."""
    lines = (EXPLORED / "chat-two-messages-and-a-leader-killed.scenario").read_text().splitlines()
    calm = walk([line for line in lines if not line.startswith("crashServer")])
    assert calm.problem is None
    assert 3 * calm.states < 744
    leaders: list[int] = []

    def step(self: LogServer, now: float, given: Input) -> Effects:
        effects: Effects = original(self, now, given)
        if self.log.is_leader and self.id not in leaders:
            leaders.append(self.id)
        return effects

    original = LogServer.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogServer, "step", step)
        walk(lines)
    assert leaders == [0, 1]


def test_what_cannot_be_walked_is_refused() -> None:
    for line in ("partition 0 | 1", "allClear", "wait 5", "include x", "printChatLog 0", "joinServer 1"):
        with pytest.raises(BadLine, match=f"^{line.split()[0]} can't be explored here: start come first"):
            walk(["start 2 1", line])
    with pytest.raises(BadLine, match="startLocks comes too late"):
        walk(["startLocks 2 1", "lock 0 1", "startLocks 2 1"])


# What is a state.


def count_inputs(monkeypatch: pytest.MonkeyPatch, declared: str | None) -> None:
    """Let machines count their inputs, which changes nothing that they do, and declare that counter in the
    class attribute of this name, if one is given."""
    for kind in (LogServer, LogClient):

        def step(self: Any, now: float, given: Input, original: Any = kind.step) -> Effects:
            self.inputs_taken = getattr(self, "inputs_taken", 0) + 1
            effects: Effects = original(self, now, given)
            return effects

        monkeypatch.setattr(kind, "step", step)
        if declared is not None:
            monkeypatch.setattr(kind, declared, (*getattr(kind, declared), "inputs_taken"))


@pytest.mark.parametrize(("declared", "states"), [("UNCOMPARED", 106), (None, 107)])
def test_what_a_machine_declares_to_be_no_state_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, declared: str | None, states: int
) -> None:
    count_inputs(monkeypatch, declared)
    assert walked(SHORT, 107).states == states, "and perhaps more, where the counter is not declared"
