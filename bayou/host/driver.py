"""The driver of a machine: it lets it take inputs, and carries out what they bring about.

Wherever a machine runs, the order is one: durable, then send, then answer, then drop, then leave.
"""

from __future__ import annotations

from bayou.machine.effects import Ordered, Received

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Machine
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable

    class Place(Protocol):
        """Where a machine runs: a process with sockets and files, say, or a simulated world."""

        def make_durable(self, records: list[Durable]) -> None:
            """Keep these records, in this order. When this returns, a crash can't take them away any more."""

        def witness(self, given: Input, effects: Effects) -> None:
            """An input has brought this about, and what is durable of it is: for traces, and for notes."""

        def send(self, peer: int, message: Message) -> None:
            """Send a message over the connection to a peer; it is lost where there is none."""

        def answer(self, number: int, message: Message) -> None:
            """Give the answer to an order."""

        def drop(self, peer: int, why: str) -> None:
            """Cut the connection to a peer that has said what it may not."""

        def leave(self) -> None:
            """The machine has ended."""

        def crash(self) -> None:
            """The machine fails, on purpose: what it has sent leaves, and nothing else comes of it."""


INPUTS_MAX = 16
"""After so many inputs it is time to settle: what they bring about takes memory until it can be sent."""


def _begins_turn(given: Input) -> bool:
    """Whether all that came before is to be settled first."""
    if isinstance(given, Received):
        return given.message.begins_turn
    return isinstance(given, Ordered) and given.order.begins_turn


class Driver:
    """Drives one machine.

    ``step`` lets it take an input; ``settle`` makes durable what all inputs since the last time have left, in
    one go, and then carries out the rest. Until then nobody hears of anything: if a crash comes before, the
    machine that is restored did not take these inputs.

    After ``inputs_max`` inputs it wants to be settled.

    - ``has_left``: whether the machine has ended, after which it takes no more inputs;
    - ``is_waiting``: whether something is to be made durable by the next ``settle``;
    - ``is_urgent``: whether to settle before the next input: there is nothing to wait for, or a peer is to
      be dropped, or much has piled up.
    """

    __slots__ = (
        "_inputs_max", "_is_again", "_is_crashing", "_is_settling", "_pending", "has_left", "is_urgent",
        "is_waiting", "machine", "place",
    )  # fmt: skip

    def __init__(self, machine: Machine, place: Place, inputs_max: int = INPUTS_MAX) -> None:
        self.machine = machine
        self.place = place
        self.has_left = False
        self.is_waiting = False
        self.is_urgent = False
        self._pending: list[tuple[Input, Effects]] = []
        self._is_settling = False
        self._is_again = False
        self._inputs_max = inputs_max
        self._is_crashing = False

    @property
    def has_pending(self) -> bool:
        """Whether there is anything to settle."""
        return bool(self._pending)

    def step(self, now: float, given: Input) -> None:
        """Let the machine take an input at time ``now``, in seconds. About to crash, it takes none."""
        if self.has_left or self._is_crashing:
            return
        if self._pending and _begins_turn(given):
            self.settle()
        effects = self.machine.step(now, given)
        self._is_crashing = effects.crash
        self._pending.append((given, effects))
        self.is_waiting = self.is_waiting or bool(effects.durable)
        ends = effects.leave or effects.crash
        if not self.is_waiting or effects.drops or ends or len(self._pending) >= self._inputs_max:
            self.is_urgent = True

    def settle(self) -> None:
        """Carry out what the inputs since the last time have brought about.

        That may bring this machine more inputs. If it is called within itself for them, they are next.
        """
        self._is_again = True
        if self._is_settling:
            return
        self._is_settling = True
        try:
            while self._is_again and not self.has_left:
                self._is_again = False
                self._carry_out_all()
        finally:
            self._is_settling = False
            if self.has_left:
                self._pending.clear()

    def _carry_out_all(self) -> None:
        batch, self._pending = self._pending, []
        self.is_waiting = self.is_urgent = False
        records = [record for _, effects in batch for record in effects.durable]
        if records:
            self.place.make_durable(records)
        for given, effects in batch:
            if not self.has_left:
                self._carry_out(given, effects)

    def _carry_out(self, given: Input, effects: Effects) -> None:
        place = self.place
        place.witness(given, effects)
        for peer, message in effects.sends:
            place.send(peer, message)
        for number, message in effects.answers:
            place.answer(number, message)
        for peer, why in effects.drops:
            place.drop(peer, why)
        if effects.crash:
            self.has_left = True
            place.crash()
        elif effects.leave:
            self.has_left = True
            place.leave()
