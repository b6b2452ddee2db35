"""The commit group among machines, driven by scenarios in the simulated world."""

from __future__ import annotations

import pytest

from bayou.families.store.settings import StoreSettings, plain_of
from bayou.machine.messages import Message
from bayou.master.language import COMMANDS
from bayou.master.run import Run, RunSettings
from bayou.node.messages import GroupIs, TellGroup
from bayou.node.settings import Habits
from bayou.worlds.simulated import SimulatedWorld


class Counter:
    """Counts the messages of a world, by kind."""

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}

    @property
    def messages(self) -> int:
        return sum(self.kinds.values())

    def sent(self, sender: int, receiver: int, message: Message, arrivals: int) -> None:
        kind = type(message).__name__
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def asked_again(self, what: str) -> None:
        pass

    def cut(self, message: Message) -> None:
        pass

    def lost(self) -> None:
        pass


def ran(lines: list[str], *, free: bool) -> tuple[Run, Counter, list[bytes]]:
    """Return a run of these lines, what counts its messages, and what it has printed and will print."""
    world = SimulatedWorld()
    printed: list[bytes] = []
    counter = world.watcher = Counter()
    options = {"store": plain_of(StoreSettings(habits=Habits(partners="all")))}
    settings = RunSettings(free_running=free, options=options if free else {})
    run = Run(world, COMMANDS, settings, write=printed.append)
    for line in lines:
        run.line(1, line.encode())
    return run, counter, printed


THREE = ["joinServer 0", "joinServer 1", "joinServer 2", "joinClient 9 1"]


@pytest.mark.parametrize("changes", [[], ["commitGroup 0 1 2"]])
def test_where_nothing_is_to_be_committed_nothing_more_is_sent(changes: list[str]) -> None:
    """Servers that run freely pull from each other now and then, and that is all: there are no heartbeats."""
    run, counter, _ = ran([*THREE, *changes, "put 9 song url", "stabilize", "wait 1000"], free=True)
    counter.kinds.clear()
    run.line(1, b"wait 2000")
    assert set(counter.kinds) == {"Pull", "AntiEntropy"}
    assert counter.kinds["Pull"] == counter.kinds["AntiEntropy"]
    pulls = counter.kinds["Pull"]
    run, counter, _ = ran([*THREE, "stabilize", "wait 1000"], free=True)
    counter.kinds.clear()
    run.line(1, b"wait 2000")
    assert abs(counter.kinds["Pull"] - pulls) < pulls * 0.3


def test_a_put_takes_two_rounds_where_a_leader_is_known() -> None:
    run, counter, printed = ran([*THREE, "commitGroup 0 1 2", "put 9 first url"], free=False)
    counter.kinds.clear()
    run.line(1, b"put 9 second url")
    assert counter.kinds["Gather"] == 2 * 2
    run.line(1, b"printLog 2")
    assert b"".join(printed).decode().splitlines() == ["PUT:(first, url):TRUE", "PUT:(second, url):TRUE"]


def test_the_first_put_takes_a_round_more() -> None:
    run, counter, _ = ran([*THREE, "commitGroup 0 1 2"], free=False)
    counter.kinds.clear()
    run.line(1, b"put 9 first url")
    assert counter.kinds["Gather"] == 3 * 2


def test_a_group_of_one_that_nobody_has_voted_in_lets_its_predecessor_go() -> None:
    """Its only member has never been in a group of several, and says that it is there all the same."""
    lines = [*THREE, "commitGroup 2", "stabilize", "retireServer 0", "put 9 song url", "printLog 1"]
    for free in (False, True):
        run, _, printed = ran([*lines[:-1], "stabilize", lines[-1]], free=free)
        assert run.system is not None
        assert run.system.nodes == [1, 2, 9]
        assert b"".join(printed) == b"PUT:(song, url):TRUE\n"
        told = run.system.world.ask(2, TellGroup())
        assert isinstance(told, GroupIs)
        assert [vote.member for vote in told.votes] == list(told.stand.members), (
            "nobody hears that it is there"
        )
