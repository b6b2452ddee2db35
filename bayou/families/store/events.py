"""Events: what each step of a node amounts to, as plain data with documented field names (docs/traces.md).

Made from the outside, from what goes into a node and what comes out of it: nodes know nothing of traces.
"""

from __future__ import annotations

from json import loads

from bayou.core.group import group_of
from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.past import Base, Installed, Truncated
from bayou.core.values import of_value
from bayou.core.write import DELETE, GROUP, Write
from bayou.machine.effects import Effects, Input, Ordered, Received
from bayou.machine.messages import Failed
from bayou.node.messages import Answer, Delete, Did, Do, Get, Got, Put, Request, Written
from bayou.node.records import ConsentGiven, Named, Voted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.core.values import Value
    from bayou.core.vector import VersionVector
    from bayou.core.votes import Vote
    from bayou.node.messages import Ask, Reply

    Event = dict[str, Any]


def of_server(server: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a server amounts to, in order."""
    events: list[Event] = []
    for record in effects.durable:
        if isinstance(record, Named):
            events.append({"event": "named", "server": server, "name": _name(record.name)})
        elif isinstance(record, Items):
            events.append({"event": "log", "server": server, **_items(record)})
        elif isinstance(record, Installed):
            kept = {"tentative": record.tentative}
            events.append({"event": "installed", "server": server, **_base(record.base), **kept})
        elif isinstance(record, Truncated):
            events.append({"event": "truncated", "server": server, "csn": record.upto})
        elif isinstance(record, Voted):
            events.append({"event": "voted", "server": server, **_vote(record.vote)})
        elif isinstance(record, ConsentGiven):
            events.append({"event": "consented", "server": server, "epoch": record.epoch})
    if isinstance(given, Received) and isinstance(given.message, Request):
        request = given.message
        id = request.session, request.number
        for _, message in effects.sends:
            if isinstance(message, Answer) and (message.session, message.number) == id:
                events += [{"event": "served", "server": server, **told} for told in _told(message, request)]
    if effects.leave:
        events.append({"event": "left", "server": server})
    return events


def of_client(client: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a client amounts to, in order."""
    events: list[Event] = []
    if isinstance(given, Ordered) and isinstance(given.order, Do):
        events += _asked(client, effects)
    for _, report in effects.answers:
        if isinstance(report, Did) and isinstance(given, Received) and isinstance(given.message, Answer):
            events.append({"event": "answered", "client": client, **_heard(given.message)})
        elif isinstance(report, Failed) and not isinstance(given, Ordered):
            events.append({"event": "gave up", "client": client})
    return events


def of_sessions(client: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of sessions that share connections (bayou.node.sessions) amounts to, in order. A
    request that is sent again is told again."""
    from bayou.node.using import Used

    events = _asked(client, effects)
    for _, report in effects.answers:
        if isinstance(report, Used) and isinstance(given, Received) and isinstance(given.message, Answer):
            answer = given.message
            if isinstance(answer.reply, Written | Got):
                events.append({"event": "answered", "client": client, **_heard(answer)})
    return events


def _asked(client: int, effects: Effects) -> list[Event]:
    """What is asked: several writes in one request are as many requests."""
    events: list[Event] = []
    for server, message in effects.sends:
        if isinstance(message, Request):
            for number, ask in _parts(message):
                asked: Event = {"session": message.session, "number": number, "server": server}
                asked |= _about(ask)
                if isinstance(ask, Put):
                    asked["value"] = of_value(ask.value)
                elif asked["kind"] == "change":
                    asked["value"] = loads(getattr(ask, "body"))  # noqa: B009  # its class is imported late
                events.append({"event": "asked", "client": client, **asked})
    return events


def _heard(answer: Answer) -> Event:
    told: Event = {"session": answer.session, "number": answer.number, "verdict": answer.verdict}
    if isinstance(answer.reply, Written):
        told |= {"stamp": answer.reply.stamp, "by": _name(answer.reply.server)}
    elif isinstance(answer.reply, Got):
        told["value"] = _value(answer.reply.value)
    return told


def _name(name: Name) -> list[int]:
    return list(name.stamps)


def _write(write: Write) -> list[Any]:
    """A write: stamp, server, number of the kind, and what the kind has: collection, key and value,
    collection and key, the body of a general write, the heir's name, or the epoch and the members of a
    group."""
    plain: list[Any] = [write.stamp, _name(write.server), write.kind]
    if write.kind <= DELETE:
        plain += write.collection, write.key
    if write.kind == GROUP:
        group = group_of(write.value)  # type: ignore[arg-type]  # never a name
        plain += group.since, [_name(member) for member in group.members]
    elif isinstance(write.value, Name):
        plain.append(_name(write.value))
    elif write.value is not None:
        plain.append(of_value(write.value))
    return plain


def _value(value: Value | None) -> Any:
    """A value as it is in JSON; null where there is no row."""
    return None if value is None else of_value(value)


def _items(items: Items) -> Event:
    return {
        "csn": items.csn,
        "committed": [_write(write) for write in items.committed],
        "tentative": [_write(write) for write in items.tentative],
    }


def _vector(vector: VersionVector) -> list[Any]:
    return sorted([_name(name), vector.completed(name)] for name in vector.names)


def _vote(vote: Vote) -> Event:
    """A vote: its epoch, the ballot that is promised, and the decree that was accepted last, with its
    ballot, base and vector, null for none."""
    decree = vote.accepted
    ballot = [vote.number, _name(vote.leader)]
    accepted = None
    if decree is not None:
        accepted = [[decree.number, _name(decree.leader)], decree.base, _vector(decree.upto)]
    return {"epoch": vote.epoch, "ballot": ballot, "accepted": accepted}


def _base(base: Base) -> Event:
    return {
        "csn": base.csn,
        "vector": _vector(base.vector),
        "group": [_name(member) for member in base.group],
        "epoch": base.epoch,
        "clock": base.clock,
    }


_KINDS: dict[type[Ask], str] = {Get: "get", Put: "put", Delete: "delete"}


def _parts(request: Request) -> list[tuple[int, Ask]]:
    """Return what a request is in a trace, each with its number there. Several writes are one each, and the
    last has the number of the request: its session has left out as many before it. What a trace has no word
    for is not in it: other reads, and those that may wait."""
    ask = request.ask
    if request.floor is not None:
        return []
    if isinstance(ask, Get | Put | Delete):
        return [(request.number, ask)]
    from bayou.node.asks import Change, Outcome, Rows, Update

    if isinstance(ask, Change | Rows | Outcome):
        return [(request.number, ask)]
    if not isinstance(ask, Update):
        return []
    parts: list[Ask] = []
    for edit in ask.edits:
        row, value = (edit.collection, edit.key), edit.value
        parts.append(Delete(*row) if value is None else Put(*row, value))
    return list(enumerate(parts, start=request.number - len(parts) + 1))


def _about(ask: Ask) -> Event:
    """What a request is about: its kind, the row, and the view of a read. Rows have a prefix as their key,
    and ``after``, the key behind which they are asked for; an outcome that of a write."""
    if isinstance(ask, Get | Put | Delete):
        asked: Event = {"kind": _KINDS[type(ask)], "collection": ask.collection, "key": ask.key}
        return {**asked, "view": ask.view} if isinstance(ask, Get) else asked
    from bayou.node.asks import Outcome, Rows

    if isinstance(ask, Rows):
        row = {"collection": ask.collection, "key": ask.prefix}
        return {"kind": "rows", **row, "view": ask.view, "after": ask.after}
    nowhere = {"collection": "", "key": ""}
    if isinstance(ask, Outcome):
        return {"kind": "outcome", **nowhere, "view": "full", "write": [ask.stamp, _name(ask.server)]}
    return {"kind": "change", **nowhere}


def _told(answer: Answer, request: Request) -> list[Event]:
    events = []
    for number, ask in _parts(request):
        told: Event = {"session": answer.session, "number": number}
        told |= {**_about(ask), "verdict": answer.verdict}
        if isinstance(answer.reply, Written):
            told["stamp"] = answer.reply.stamp - (request.number - number)
        elif isinstance(answer.reply, Got):
            told["read"] = _value(answer.reply.value)
        elif answer.reply is not None:
            told |= _seen(answer.reply)
        events.append(told)
    return events


def _seen(reply: Reply) -> Event:
    """What a server has told of rows, or of an outcome."""
    from bayou.node.asks import Page, Standing

    if isinstance(reply, Page):
        rows = [[row.key, _value(row.value), row.is_committed] for row in reply.rows]
        return {"read": rows, "last": reply.is_last}
    if isinstance(reply, Standing):
        return {"read": [reply.state, reply.outcome, reply.is_conflict]}
    return {}
