"""Events: what each step of a node amounts to, as plain data with documented field names (docs/traces.md).

Made from the outside, from what goes into a node and what comes out of it: nodes know nothing of traces.
"""

from __future__ import annotations

from bayou.core.items import Items
from bayou.core.name import Name
from bayou.core.past import Base, Installed, Truncated
from bayou.core.values import of_value
from bayou.core.write import DELETE, Write
from bayou.machine.effects import Effects, Input, Ordered, Received
from bayou.machine.messages import Failed
from bayou.node.messages import Answer, Delete, Did, Do, Get, Got, Put, Request, Written
from bayou.node.records import Named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bayou.core.values import Value
    from bayou.node.messages import Ask

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
    if isinstance(given, Received) and isinstance(given.message, Request):
        for _, message in effects.sends:
            if isinstance(message, Answer):
                events.append({"event": "served", "server": server, **_answer(message, given.message)})
    if effects.leave:
        events.append({"event": "left", "server": server})
    return events


def of_client(client: int, given: Input, effects: Effects) -> list[Event]:
    """Return what a step of a client amounts to, in order."""
    events: list[Event] = []
    if isinstance(given, Ordered) and isinstance(given.order, Do):
        for server, message in effects.sends:
            if isinstance(message, Request):
                asked: Event = {"session": message.session, "number": message.number, "server": server}
                asked |= _request(message)
                if isinstance(message.ask, Put):
                    asked["value"] = of_value(message.ask.value)
                events.append({"event": "asked", "client": client, **asked})
    for _, report in effects.answers:
        if isinstance(report, Did) and isinstance(given, Received) and isinstance(given.message, Answer):
            answer = given.message
            told: Event = {"session": answer.session, "number": answer.number, "verdict": answer.verdict}
            if isinstance(answer.reply, Written):
                told |= {"stamp": answer.reply.stamp, "by": _name(answer.reply.server)}
            elif isinstance(answer.reply, Got):
                told["value"] = _value(answer.reply.value)
            events.append({"event": "answered", "client": client, **told})
        elif isinstance(report, Failed) and not isinstance(given, Ordered):
            events.append({"event": "gave up", "client": client})
    return events


def _name(name: Name) -> list[int]:
    return list(name.stamps)


def _write(write: Write) -> list[Any]:
    """A write: stamp, server, number of the kind, and what the kind has: collection, key and value,
    collection and key, or the heir's name."""
    plain: list[Any] = [write.stamp, _name(write.server), write.kind]
    if write.kind <= DELETE:
        plain += write.collection, write.key
    if isinstance(write.value, Name):
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


def _base(base: Base) -> Event:
    vector = base.vector
    return {
        "csn": base.csn,
        "vector": sorted([_name(name), vector.completed(name)] for name in vector.names),
        "primary": _name(base.primary),
        "clock": base.clock,
    }


_KINDS: dict[type[Ask], str] = {Get: "get", Put: "put", Delete: "delete"}


def _request(request: Request) -> Event:
    """What a request is about: its kind, the row, and the view of a get."""
    ask = request.ask
    asked: Event = {"kind": _KINDS[type(ask)]}
    if isinstance(ask, Get | Put | Delete):
        asked |= {"collection": ask.collection, "key": ask.key}
    return {**asked, "view": ask.view} if isinstance(ask, Get) else asked


def _answer(answer: Answer, request: Request) -> Event:
    told: Event = {"session": answer.session, "number": answer.number}
    told |= {**_request(request), "verdict": answer.verdict}
    if isinstance(answer.reply, Written):
        told["stamp"] = answer.reply.stamp
    elif isinstance(answer.reply, Got):
        told["read"] = _value(answer.reply.value)
    return told
