"""Two to five servers through random writes, exchanges cut anywhere, marks, creations, retirements and
hand-overs with messages lost, doubled and late: every invariant after every step, and in the end everything
that was accepted is everywhere."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bayou.node.settings import Limits, Settings
from tests.chaos import Chaos, random_walk

picks = st.integers(0, 1 << 16)
TINY = Settings(short_max=2, sessions_max=3, limits=Limits(items=2, characters=6, parts_ahead=3))
WALKS = int(os.environ.get("BAYOU_TEST_WALKS", "30"))


class Machine(RuleBasedStateMachine):
    @initialize(tiny=st.booleans(), servers=st.integers(2, 5))
    def begin(self, tiny: bool, servers: int) -> None:
        self.chaos = Chaos(settings=TINY if tiny else None, servers_max=servers)

    @rule()
    def join(self) -> None:
        self.chaos.join()

    @rule(pick=picks)
    def add_client(self, pick: int) -> None:
        self.chaos.add_client(pick)

    @rule(pick=picks, where=picks)
    def move(self, pick: int, where: int) -> None:
        self.chaos.move(pick, where)

    @rule(pick=picks, kind=st.sampled_from(["put", "delete", "get"]), song=st.integers(0, 2))
    def use(self, pick: int, kind: str, song: int) -> None:
        self.chaos.use(pick, kind, song)

    @rule(pick=picks)
    def retire(self, pick: int) -> None:
        self.chaos.retire(pick)

    @rule(pick=picks)
    def converge(self, pick: int) -> None:
        self.chaos.converge(pick)

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.chaos.pause(paused=paused)

    @rule(pick=picks)
    def cut(self, pick: int) -> None:
        self.chaos.cut(pick)

    @rule(pick=picks)
    def mend(self, pick: int) -> None:
        self.chaos.mend(pick)

    @rule(pick=picks)
    def deliver(self, pick: int) -> None:
        self.chaos.deliver(pick)

    @rule(count=st.integers(1, 20))
    def deliver_in_order(self, count: int) -> None:
        self.chaos.deliver_in_order(count)

    @rule(pick=picks)
    def lose(self, pick: int) -> None:
        self.chaos.lose(pick)

    @rule(pick=picks)
    def repeat(self, pick: int) -> None:
        self.chaos.repeat(pick)

    @rule(seconds=st.sampled_from([0.1, 1.0, 20.0]))
    def wait(self, seconds: float) -> None:
        self.chaos.wait(seconds)

    @invariant()
    def vectors_are_sets(self) -> None:
        if hasattr(self, "chaos"):
            self.chaos.check_vectors()

    def teardown(self) -> None:
        if hasattr(self, "chaos"):
            self.chaos.calm_down()


TestNodes = Machine.TestCase
TestNodes.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("tiny", [False, True])
def test_random_walks(tiny: bool) -> None:
    for seed in range(WALKS):
        try:
            random_walk(seed, 200, Chaos(settings=TINY if tiny else None))
        except Exception as error:
            raise AssertionError(f"random_walk({seed}, 200), {tiny=}") from error
