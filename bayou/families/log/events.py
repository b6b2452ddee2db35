"""Events: what each step of a server of a log amounts to, as plain data.

Made from the outside, from what comes out of it: servers know nothing of traces. What is durable of a step
is told first, then what is sent, then what the service and the clients are told. ``decided`` without a value:
the one that this server accepted in that slot. bayou.check.consensus reads them.
"""

from __future__ import annotations

from bayou.paxos.log.inputs import Applied, Chosen, Done, Install, MembersInForce, Refused
from bayou.paxos.log.messages import Accept, Accepted, Command, Members, Prepare, Promise
from bayou.paxos.log.records import AcceptedRecord, Decided, Promised, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.machine.messages import Message
    from bayou.machine.records import Durable
    from bayou.paxos.effects import Effects
    from bayou.paxos.log.inputs import Answer, Input

    Event = dict[str, Any]


def events_of(server: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a server amounts to, in order; ``given`` is what went in."""
    events = _kept(server, effects.durable)
    last: Message | None = None
    for _, message in effects.sends:
        if isinstance(message, (Prepare, Promise, Accept, Accepted)) and message is not last:
            event = _said(server, message)
            if not events or events[-1] != event:  # the same to several servers
                events.append(event)
            last = message
    for answer in effects.answers:
        told = _answered(server, answer)
        if told is not None:
            events.append(told)
    return events


def plain_value(value: Message) -> list[Any]:
    """Return a value of the log as it stands in events."""
    if isinstance(value, Command):
        return ["command", value.client, value.number, value.text]
    if isinstance(value, Members):
        return ["members", list(value.members)]
    return ["noop"]


def _kept(server: int, records: list[Durable]) -> list[Event]:
    """What is durable now. A snapshot is followed by all that is still needed, told before."""
    events: list[Event] = []
    rest: Event = {}
    for record in records:
        if isinstance(record, Promised):
            events.append({"event": "promised", "server": server, "ballot": list(record.ballot), **rest})
        elif isinstance(record, AcceptedRecord):
            vote = {"ballot": list(record.ballot), "value": plain_value(record.value)}
            events.append({"event": "accepted", "server": server, "slot": record.slot, **vote, **rest})
        elif isinstance(record, Decided):
            what = {} if record.value is None else {"value": plain_value(record.value)}
            events.append({"event": "decided", "server": server, "slot": record.slot, **what, **rest})
        elif isinstance(record, Snapshot):
            events.append({"event": "snapshot", "server": server, "slot": record.slot})
            rest = {"again": True}
    return events


def _said(server: int, message: Prepare | Promise | Accept | Accepted) -> Event:
    kind = type(message).__name__
    event: Event = {"event": "sent", "server": server, "message": kind, "ballot": list(message.ballot)}
    if isinstance(message, (Prepare, Promise)):
        event["first"] = message.first
    else:
        event["slot"] = message.slot
    if isinstance(message, Promise):
        event["upto"] = message.upto
        event["accepted"] = [
            [vote.slot, list(vote.ballot), plain_value(vote.value)] for vote in message.accepted
        ]
    elif isinstance(message, Accept):
        event["value"] = plain_value(message.value)
    return event


def _answered(server: int, answer: Answer) -> Event | None:
    event: Event = {"event": "", "server": server}
    if isinstance(answer, Chosen):
        return event | {"event": "decided", "slot": answer.slot, "value": plain_value(answer.value)}
    if isinstance(answer, (Applied, Done)):
        kind = "applied" if isinstance(answer, Applied) else "answered"
        about = {"slot": answer.slot, "client": answer.client, "number": answer.number}
        return event | {"event": kind} | about
    if isinstance(answer, Refused):
        return event | {"event": "refused", "client": answer.client, "number": answer.number}
    if isinstance(answer, Install):
        return event | {"event": "installed", "slot": answer.slot}
    if isinstance(answer, MembersInForce):
        return event | {"event": "members", "slot": answer.slot, "members": list(answer.members)}
    return None
