"""The driver: whatever a machine brings about is carried out in one order, and nobody hears of what is not
durable yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.core.name import ROOT
from bayou.host.driver import INPUTS_MAX, Driver
from bayou.machine.effects import Effects, Input, LinkDown, Tick
from bayou.machine.messages import Done, Links, Message
from bayou.node.messages import Pause
from bayou.node.records import Named

if TYPE_CHECKING:
    from typing import ClassVar

    from bayou.machine.records import Durable


class Puppet:
    """A machine that does as it was told beforehand."""

    id = 1
    kind = "server"
    is_server = True
    hello = None
    wake_at = None
    UNCOMPARED: ClassVar[tuple[str, ...]] = ()
    TAGS: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.next: list[Effects] = []
        self.taken: list[Input] = []

    def step(self, now: float, given: Input) -> Effects:
        self.taken.append(given)
        return self.next.pop(0) if self.next else Effects()

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        return Links(peers, dialling)

    def check(self) -> None:
        pass


class Stage:
    """A place that notes what is done there."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.driver: Driver | None = None
        self.on_drop: Input | None = None

    def make_durable(self, records: list[Durable]) -> None:
        self.done.append(f"durable {len(records)}")

    def witness(self, given: Input, effects: Effects) -> None:
        self.done.append("witness")

    def send(self, peer: int, message: Message) -> None:
        self.done.append(f"send to {peer}")

    def answer(self, number: int, message: Message) -> None:
        self.done.append(f"answer {number}")

    def drop(self, peer: int, why: str) -> None:
        self.done.append(f"drop {peer}")
        if self.driver is not None and self.on_drop is not None:
            self.driver.step(0.0, self.on_drop)
            self.driver.settle()
            self.done.append(f"dropped {peer}")

    def leave(self) -> None:
        self.done.append("leave")

    def crash(self) -> None:
        self.done.append("crash")


def puppet(*plans: Effects) -> tuple[Driver, Puppet, Stage]:
    """Return a machine that brings about these effects, one after another, and what is around it."""
    machine, stage = Puppet(), Stage()
    machine.next = list(plans)
    stage.driver = Driver(machine, stage)
    return stage.driver, machine, stage


def everything(*, leave: bool = False) -> Effects:
    """Return effects of every kind."""
    effects = Effects()
    effects.durable.append(Named(ROOT))
    effects.sends.append((2, Pause(True)))
    effects.answers.append((7, Done()))
    effects.drops.append((3, "why"))
    effects.leave = leave
    return effects


def test_effects_are_carried_out_in_one_order() -> None:
    driver, _, stage = puppet(everything(leave=True))
    driver.step(0.0, Tick())
    assert stage.done == [], "nothing before it is settled"
    driver.settle()
    assert stage.done == ["durable 1", "witness", "send to 2", "answer 7", "drop 3", "leave"]


def test_what_several_inputs_leave_is_made_durable_at_once() -> None:
    driver, _, stage = puppet(everything(), everything())
    driver.step(0.0, Tick())
    driver.step(0.0, Tick())
    driver.settle()
    assert stage.done[0] == "durable 2"
    assert [each for each in stage.done if "durable" in each] == ["durable 2"]
    assert not driver.has_pending
    driver.settle()
    assert stage.done.count("send to 2") == 2, "once each"


def test_who_has_left_takes_and_does_nothing_more() -> None:
    driver, machine, stage = puppet(everything(leave=True), everything())
    driver.step(0.0, Tick())
    driver.step(0.0, Tick())
    driver.settle()
    assert driver.has_left
    assert (stage.done.count("send to 2"), driver.has_pending) == (1, False)
    driver.step(0.0, Tick())
    assert (len(machine.taken), driver.has_pending) == (2, False)


def test_an_input_that_comes_of_an_effect_is_settled_after_it() -> None:
    """A connection that is dropped makes an input too."""
    driver, machine, stage = puppet(everything())
    stage.on_drop = LinkDown(3)
    driver.step(0.0, Tick())
    driver.settle()
    assert machine.taken == [Tick(), LinkDown(3)]
    assert stage.done[-2:] == ["dropped 3", "witness"]
    assert not driver.has_pending


def test_what_is_urgent() -> None:
    """Whatever need not wait for a disk, or would make others wait, or takes more and more memory."""
    durable = [Effects() for _ in range(INPUTS_MAX)]
    for effects in durable:
        effects.durable.append(Named(ROOT))
    driver, _, _ = puppet(Effects(), *durable)
    driver.step(0.0, Tick())
    assert (driver.is_urgent, driver.is_waiting) == (True, False)
    driver.settle()
    for count in range(1, INPUTS_MAX + 1):
        driver.step(0.0, Tick())
        assert (driver.is_urgent, driver.is_waiting) == (count == INPUTS_MAX, True)
    driver.settle()
    assert (driver.is_urgent, driver.is_waiting) == (False, False)
    for urgent in (everything(), everything(leave=True)):
        driver, _, _ = puppet(urgent)
        driver.step(0.0, Tick())
        assert driver.is_urgent


def test_a_machine_that_is_about_to_crash_takes_no_more_inputs() -> None:
    """What that brings about would be durable with the same batch, and nobody would ever hear of it."""
    machine, stage = Puppet(), Stage()
    driver = Driver(machine, stage)
    last = Effects()
    last.durable.append(Named(ROOT))
    last.crash = True
    machine.next = [Effects(), last]
    driver.step(0.0, Tick())
    driver.step(0.0, LinkDown(2))
    driver.step(0.0, LinkDown(3))
    driver.settle()
    assert machine.taken == [Tick(), LinkDown(2)]
    assert stage.done == ["durable 1", "witness", "witness", "crash"]
