"""What the master and a bell say to each other."""

from __future__ import annotations

from bayou.machine.messages import Message


class BellMessage(Message, space="bells"):
    """Base of all of them."""


class BeBell(BellMessage):
    """A bell that sounds like this."""

    sound: str


class Strike(BellMessage):
    """Sound once more."""


class Sound(BellMessage):
    """It sounded, for the so manieth time."""

    sound: str
    times: int
