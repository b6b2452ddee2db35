"""The service that servers of a log keep in these tests, and the slow twin that says what it comes to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bayou.families.log.events import plain_value
from bayou.paxos.log.inputs import Applied, Chosen, Install
from bayou.paxos.log.messages import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bayou.machine.messages import Message

Line = tuple[int, int, int, str]
"""A slot, and the client, number and text of the command that was applied there."""


class Service:
    """Keeps all commands in the order in which they are applied, and what it has heard to be decided."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.values: dict[int, Any] = {}

    def on_chosen(self, answer: Chosen) -> None:
        """A value is decided: clients may want to know it."""
        self.values[answer.slot] = plain_value(answer.value)

    def on_applied(self, answer: Applied) -> None:
        """Carry a command out."""
        self.lines.append((answer.slot, answer.client, answer.number, answer.command))

    def on_install(self, answer: Install) -> None:
        """Take another state in place of this one, but for what is known of slots beyond."""
        lines, values = json.loads(answer.state)
        self.lines = [tuple(line) for line in lines]
        below = {slot: value for slot, value in values if slot < answer.slot}
        self.values = below | {slot: value for slot, value in self.values.items() if slot >= answer.slot}

    def state(self, slot: int) -> str:
        """Return all that slots below this one came to, as text."""
        values = sorted((place, value) for place, value in self.values.items() if place < slot)
        return json.dumps([[line for line in self.lines if line[0] < slot], values], separators=(",", ":"))


def twin(log: Mapping[int, Message], forget_slots: int) -> list[Line]:
    """Return what decided values come to, up to the first gap: each command once, in the order of slots. One
    that was first sent too long ago is not applied, and nothing is ever forgotten here."""
    lines: list[Line] = []
    last: dict[int, int] = {}
    slot = 0
    while slot in log:
        value = log[slot]
        if (
            isinstance(value, Command)
            and value.number > last.get(value.client, 0)
            and slot - value.since < forget_slots
        ):
            last[value.client] = value.number
            lines.append((slot, value.client, value.number, value.text))
        slot += 1
    return lines
