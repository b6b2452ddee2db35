"""What servers of a cluster that lasts say to each other beside what their machines do, and what programs ask
them for that are no clients of the store."""

from __future__ import annotations

from bayou._record import Record
from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name, ServerNames
    from bayou.core.vector import VersionVector


class Ping(Message):
    """Nothing has come for a while: is anybody there?"""


class Pong(Message):
    """The answer to Ping."""


class NameGiven(Message):
    """This server has got its name since the connection came up."""

    name: Name


class Entry(Record):
    """Where a server is found, as it says itself: its name, a stamp of its clock, larger each time, and
    addresses as HOST:PORT."""

    name: Name
    version: int
    addresses: tuple[str, ...]

    @property
    def key(self) -> tuple[str, object]:
        """As a record, it takes the place of what was known of the same server."""
        return "Entry", self.name


class Directory(Message):
    """Where servers are found."""

    entries: tuple[Entry, ...]


# What programs ask a server for.


class AskRetire(Message):
    """Leave for good. Answered by Granted when others have all that there was."""

    serial: int


class AskPosition(Message):
    """Where does this server stand?"""

    serial: int


class Position(Message):
    """It has this CSN and vector."""

    serial: int
    csn: int
    vector: VersionVector


class AskGroup(Message):
    """Let the servers of these names be the commit group; where there are none: what is it? Answered by
    Told. ``epoch``: as of SetGroup."""

    serial: int
    members: ServerNames
    epoch: int | None = None


class AskStats(Message):
    """What is there to be told of this server?"""

    serial: int


class AskCarried(Message):
    """Carry out an order about files that carry writes: see bayou.node.carrying."""

    serial: int
    order: Message


class Carried(Message):
    """The answer to the order."""

    serial: int
    answer: Message


class Told(Message):
    """Lines for a person to read, or for a program that makes something of them."""

    serial: int
    lines: tuple[str, ...]


class Granted(Message):
    """It is done."""

    serial: int


class Denied(Message):
    """It can't be done, and why."""

    serial: int
    why: str
