"""How worlds make members of a ring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayou.core.errors import BayouError
from bayou.machine.effects import Received
from bayou.wire.keeping import Keeping
from tests.ring.member import Member
from tests.ring.messages import At, BeMember, Held, Hold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bayou.machine.effects import Effects, Input
    from bayou.machine.machine import Machine, Surroundings
    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.trace.file import Event


def keeping() -> Keeping:
    """Return what packs and unpacks the records of members."""
    return Keeping({1: At})


def make(address: int, what: Message, around: Surroundings) -> Machine:
    """Return a new member."""
    if not isinstance(what, BeMember):
        raise BayouError(f"a ring has no {type(what).__name__}")
    return Member(address, is_first=what.is_first, retry_s=what.retry_s)


def restore(address: int, what: Message, around: Surroundings, records: Iterable[Durable]) -> Machine:
    """Return the member again that made these records durable."""
    member = make(address, what, around)
    assert isinstance(member, Member)
    member.restore(records)
    if member.to is not None:
        member.wake_at = around.now
    return member


def events_of(what: Message, address: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a member amounts to: it has the counter, or gives it away."""
    events: list[Event] = []
    for record in effects.durable:
        if isinstance(record, At):
            kind = "held" if record.to is None else "gave"
            events.append({"event": kind, "server": address, "count": record.count})
    if isinstance(given, Received) and isinstance(given.message, Hold):
        for _, message in effects.sends:
            if isinstance(message, Held):
                events.append({"event": "confirmed", "server": address, "count": message.count})
    return events
