"""Bells, for worlds that drive them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from bayou.machine.effects import Effects, Input, Ordered
from bayou.machine.machine import Surroundings
from bayou.machine.messages import Failed, Links, Message, Probe, Waiting
from bayou.wire.keeping import Keeping
from tests.bells.messages import BeBell, Sound, Strike


def keeping() -> Keeping:
    """Return what packs the records of bells, which have none."""
    return Keeping({})


class Bell:
    """Counts how often it was struck."""

    is_server = True
    UNCOMPARED: ClassVar[tuple[str, ...]] = ()
    TAGS: ClassVar[tuple[str, ...]] = ()
    hello = None
    wake_at = None

    def __init__(self, id: int, sound: str) -> None:
        self.id = id
        self._sound = sound
        self._times = 0

    def step(self, now: float, given: Input) -> Effects:
        effects = Effects()
        if isinstance(given, Ordered):
            effects.answers.append((given.number, self._answer(given.order)))
        return effects

    def _answer(self, order: Message) -> Message:
        if isinstance(order, Probe):
            return Waiting(())
        if not isinstance(order, Strike):
            return Failed("a bell can be struck, and no more")
        self._times += 1
        return Sound(self._sound, self._times)

    def survey(self, peers: tuple[int, ...], dialling: tuple[int, ...]) -> Links:
        return Links(peers, dialling, False)

    def check(self) -> None: ...


def make(address: int, what: Message, around: Surroundings) -> Bell:
    assert isinstance(what, BeBell)
    return Bell(address, what.sound)


def restore(address: int, what: Message, around: Surroundings, records: Iterable[object]) -> Bell:
    return make(address, what, around)


def events_of(what: Message, address: int, given: Input, effects: Effects) -> list[dict[str, Any]]:
    return [
        {"event": "sounded", "bell": address, "times": answer.times}
        for _, answer in effects.answers
        if isinstance(answer, Sound)
    ]
