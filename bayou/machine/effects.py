"""What goes into a node and what comes out of it."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable


class Input(Record):
    """Base of the inputs of a node."""


class LinkUp(Input):
    """A connection to the node with id ``peer`` is up, whose machine tells ``hello`` of itself: whatever
    message it likes, or None, so that it is to be looked at before it is believed."""

    peer: int
    hello: Message | None


class LinkDown(Input):
    """The connection to ``peer`` is gone; what was on its way may or may not have arrived there."""

    peer: int


class Received(Input):
    """``peer`` sent ``message``. It may come late, more than once or not at all."""

    peer: int
    message: Message


class Ordered(Input):
    """The master (or whoever operates the node) wants something; the answer bears the same ``number``."""

    number: int
    order: Message


class Tick(Input):
    """Time has passed: the node asked to be woken at ``wake_at``."""


AGAIN = "again:"
"""The first word of a note which says that something was asked for again, as no answer came in time. The
next word says what."""


class Effects:
    """What one input brought about. Whoever drives the node carries it out in this order:

    1. make ``durable`` durable, its records in this order and in one batch;
    2. send ``sends``: (peer, message) pairs, in order for each peer;
    3. give ``answers``: (number of the order, message) pairs;
    4. drop the connection to each peer in ``drops``, whose reason is for a log;
    5. where ``leave`` is set, end the node: it has retired and is needed no more; where ``crash`` is set, end
       it as a failing machine would, once all that it has sent has left.

    ``notes`` are lines for a curious operator, as words not yet put together.
    """

    __slots__ = ("answers", "crash", "drops", "durable", "leave", "notes", "sends")

    def __init__(self) -> None:
        self.durable: list[Durable] = []
        self.sends: list[tuple[int, Message]] = []
        self.answers: list[tuple[int, Message]] = []
        self.drops: list[tuple[int, str]] = []
        self.notes: list[tuple[object, ...]] = []
        self.leave = False
        self.crash = False
