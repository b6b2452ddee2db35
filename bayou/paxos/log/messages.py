"""What the servers of a log say to each other, and the values that it holds.

What does the same as a message of a single decree bears its name; see bayou.paxos.messages.
"""

from __future__ import annotations

from bayou._record import Record
from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.paxos.ballot import Ballot


class LogMessage(Message, space="log"):
    """Base of the messages of a log, and of its values."""


# Values: what can be decided in a slot.


class NoOp(LogMessage):
    """Nothing: it fills a slot, so that those above it can be delivered."""


class Command(LogMessage):
    """What a client wants to have carried out: its command ``number``, counted from 1, one under way at a
    time. ``since``: the first slot that it did not know when it first sent this. ``text`` means what the
    service makes of it."""

    client: int
    number: int
    since: int
    text: str


class Members(LogMessage):
    """From the slot on that is a window further, these servers are the members."""

    members: tuple[int, ...]


LogValue = Message
"""What stands in a slot: a NoOp, a Command or Members. The wire knows it by this name."""


class Vote(Record):
    """This value was accepted in a slot in this ballot."""

    slot: int
    ballot: Ballot
    value: LogValue


class Decree(Record):
    """This value is decided in a slot."""

    slot: int
    value: LogValue


# Messages.


class Prepare(LogMessage):
    """Promise to take part in no lower ballot, in any slot, and tell what you have accepted from slot
    ``first`` on, the first one that the candidate does not know decided."""

    ballot: Ballot
    first: int


class Promise(LogMessage):
    """The answer to Prepare: ``accepted`` is all that was accepted in slots from ``first`` on, below ``upto``
    (None: to the end). The candidate asks for the rest by a Prepare from there on."""

    ballot: Ballot
    first: int
    upto: int | None
    accepted: tuple[Vote, ...]


class Nack(LogMessage):
    """The answer to what came in a ballot lower than the one ``promised``."""

    ballot: Ballot
    promised: Ballot


class Accept(LogMessage):
    """Accept this value in this slot."""

    ballot: Ballot
    slot: int
    value: LogValue


class Accepted(LogMessage):
    """The value of this ballot is accepted in this slot, and durable; to the leader alone."""

    ballot: Ballot
    slot: int


class Decide(LogMessage):
    """The value accepted in this slot in this ballot is decided. Who did not accept it asks for it."""

    ballot: Ballot
    slot: int


class Heartbeat(LogMessage):
    """The sender, which leads in ``ballot`` (Ballot.NONE: does not lead), knows all slots below ``first``
    decided, and ``decided`` slots in all. Answered by Heard; who knows less asks."""

    ballot: Ballot
    first: int
    decided: int


class Heard(LogMessage):
    """The answer to a Heartbeat in that ballot: what this server knows decided, see there."""

    ballot: Ballot
    first: int
    decided: int


class Ask(LogMessage):
    """Send me what is decided from slot ``first`` on, but for slots ``above``. Of the snapshot of slot
    ``slot`` I have the first ``start`` characters."""

    first: int
    above: tuple[int, ...] = ()
    slot: int | None = None
    start: int = 0


class Decrees(LogMessage):
    """Some of what is decided, by slot: the first part of what the receiver lacks. ``first``: all slots below
    are known decided to the sender, who has more where this does not reach so far."""

    decrees: tuple[Decree, ...]
    first: int


class SnapshotPart(LogMessage):
    """A piece of the snapshot of ``slot``, which is ``size`` characters long, from character ``start``
    on."""

    slot: int
    size: int
    start: int
    piece: str
