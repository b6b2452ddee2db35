"""What the roles of single-decree Paxos say to each other.

``Prepare``, ``Promise``, ``Accept`` and ``Accepted`` are the four of *Paxos Made Simple*, section 2.2:
prepare request and response, accept request and its acceptance. ``Nack`` tells a proposer "that it should
abandon its proposal" (the end of that section). A value is a text in all that this package sends itself; no
role ever looks into one, so that others may have any immutable value for which ``==`` means the same value,
but None, which stands for no value.
"""

from __future__ import annotations

from bayou.machine.messages import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.paxos.ballot import Ballot

__all__ = [
    "Accept", "Accepted", "Decide", "Elected", "Election", "Heard", "Heartbeat", "Nack", "PaxosMessage",
    "Prepare", "Promise",
]  # fmt: skip


class PaxosMessage(Message, space="paxos"):
    """Base of these messages."""


class Prepare(PaxosMessage):
    """A prepare request, phase 1 (a): promise to accept nothing below ``ballot``, and tell what you have
    accepted."""

    ballot: Ballot


class Accepted(PaxosMessage):
    """The sender has accepted ``value`` in ``ballot``, phase 2 (b)."""

    ballot: Ballot
    value: str


class Promise(PaxosMessage):
    """The promise that was asked for, phase 1 (b): ``accepted`` is what the sender has accepted with the
    highest ballot, None where it has accepted nothing."""

    ballot: Ballot
    accepted: Accepted | None = None


class Accept(PaxosMessage):
    """An accept request, phase 2 (a): accept ``value`` in ``ballot``."""

    ballot: Ballot
    value: str


class Nack(PaxosMessage):
    """A request with ``ballot`` is refused: the sender has promised the higher ballot ``promised``."""

    ballot: Ballot
    promised: Ballot


class Decide(PaxosMessage):
    """``value`` is chosen, for good."""

    value: str


class Heartbeat(PaxosMessage):
    """The sender leads: a majority has promised its ``ballot``."""

    ballot: Ballot


class Heard(PaxosMessage):
    """The answer to a heartbeat with ``ballot``; ``value`` is what the sender would like to be decided, if
    anything."""

    ballot: Ballot
    value: str | None = None


class Election(PaxosMessage):
    """The candidate ``id`` goes round the ring."""

    id: int


class Elected(PaxosMessage):
    """``id`` has gone all round the ring, and is elected."""

    id: int
