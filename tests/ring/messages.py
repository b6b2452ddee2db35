"""What the servers of a ring say to each other, what the master says to them, and what they keep."""

from __future__ import annotations

from bayou.machine.messages import Message
from bayou.machine.records import Fact


class RingMessage(Message, space="ring"):
    """Base of the messages of this family."""


# Between servers.


class Hold(RingMessage):
    """The counter, which has reached ``count``, is yours."""

    count: int


class Held(RingMessage):
    """The answer to Hold: it is mine, at ``count`` or more."""

    count: int


# Orders of the master, and what answers them.


class BeMember(RingMessage):
    """What a node is: a member of a ring; the first one starts with the counter."""

    is_first: bool
    retry_s: float = 0.1


class Pass(RingMessage):
    """Pass the counter on to that server, one more than it is. Answered Passed when that has it."""

    to: int


class Passed(RingMessage):
    """The counter has been passed on, and is ``count`` now."""

    count: int


class Tell(RingMessage):
    """Say what you know of the counter."""


class Told(RingMessage):
    """The largest count that the server has had, and whether it has the counter now."""

    count: int
    has_it: bool


# What is durable.


class At(Fact):
    """The server has had the counter at ``count``, and has it still unless it is passed on ``to`` another."""

    count: int
    to: int | None
