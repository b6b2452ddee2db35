"""What drives a replica within a program."""

from __future__ import annotations

from time import monotonic

from bayou.library.errors import Error, StorageFull
from bayou.library.turner import Turner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from bayou.core.replica import Replica
    from bayou.host.station import Station
    from bayou.library.tally import Tally
    from bayou.machine.messages import Message

    Made = TypeVar("Made")

ROOM_S = 1.0
"""How often to look whether there is room on the disk."""


class Room:
    """Looks whether there is room on the disk for a replica."""

    def __init__(self) -> None:
        self.due = 0.0

    def check(self, station: Station) -> None:
        """Raise StorageFull where there is too little."""
        machine, now = station.machine, monotonic()
        if now >= self.due or machine.is_full:
            self.due = now + ROOM_S
            machine.is_full = not station.home.has_room()
        if machine.is_full:
            raise StorageFull(
                f"there is too little room left where {station.home.place} is: it can be read, and "
                "written to again as soon as there is more"
            )


class Engine(Turner):
    """Drives one station for a program.

    ``station`` is to be used within ``look``, ``change``, ``act`` and ``wait`` only. ``tally`` counts what it
    does.
    """

    def __init__(self, station: Station, tally: Tally) -> None:
        super().__init__(station)
        self.station = station
        self.tally = tally
        self.room = Room()
        self._frozen: str | None = None

    def freeze(self, why: str | None) -> None:
        """Let nothing be changed from now on, and say why; None: let things be changed again."""
        with self._condition:
            self._frozen = why

    def look(self, does: Callable[[Station], Made]) -> Made:
        """Return what ``does`` finds; it may change nothing."""
        self._check_process()
        with self._condition:
            self._check()
            try:
                return does(self.station)
            except BaseException as error:
                self._mind(error)

    def change(self, does: Callable[[Replica], Made]) -> Made:
        """Let ``does`` change the replica, and return what it returns when that is durable. ``does`` may
        raise nothing once it has changed something. A replica that was not closed in good order waits first
        until it has heard from another one, or has been alone for a second."""
        self._check_process()
        with self._condition:
            self._check()
            station = self.station
            if station.is_in_doubt:
                self._wait(lambda: not station.is_in_doubt, None)
            self._check_thawed()
            self.room.check(station)
            return self._act(lambda: station.use(does))

    def carry(self, order: Message) -> Message:
        """Let the replica carry out an order that needs nobody else; the answer is durable. BayouError where
        it can't; Error where nothing may be changed at present."""
        self._check_process()
        with self._condition:
            self._check()
            station = self.station
            if station.is_in_doubt:
                self._wait(lambda: not station.is_in_doubt, None)
            self._check_thawed()
            return self._act(lambda: carry(station, order))

    def _check_thawed(self) -> None:
        if self._frozen is not None:
            raise Error(self._frozen)


def carry(station: Station, order: Message) -> Message:
    """Let a station carry out an order, and return the answer when that is durable."""
    answers: list[Message] = []
    station.order(order, answers.append)
    station.use(lambda replica: None)
    return answers[0]
